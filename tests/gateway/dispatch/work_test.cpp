#include "gateway/dispatch/work.h"

#include <gtest/gtest.h>

#include <memory>

#include "shared/base/limits.h"

namespace onecopy::gateway {
namespace {

Work question(std::size_t context_bytes) {
  auto model = std::make_shared<Model>();
  model->info.task = Task::kQuestionAnswering;
  model->info.max_tokens = 512;
  Work work;
  work.model = model;
  work.texts.push_back({"12345678", std::string(context_bytes, 'x')});
  return work;
}

std::size_t cost(const Work& work) { return estimated_tokens(work, work.texts[0]); }

TEST(EstimatedTokens, OfAContextThatFits) { EXPECT_EQ(cost(question(400)), 3U + 2 + 100); }

TEST(EstimatedTokens, CountWindowsWithTheirOverlap) {
  // Of 384 tokens 5 are taken and 128 shared: 1005 tokens in 1 + ceil((1005 - 384) / 251) windows.
  EXPECT_EQ(cost(question(4000)), 4U * 384);
  Work work = question(4000);
  work.qa.max_seq_len = 100;
  work.qa.doc_stride = 94;  // step 1
  EXPECT_EQ(cost(work), (1005U - 100 + 1) * 100);
  work.qa.doc_stride = 2000;  // which the worker refuses
  EXPECT_EQ(cost(work), (1005U - 100 + 1) * 100);
}

TEST(EstimatedTokens, AreAtMostWhatARequestMayCost) {
  Work work = question(1U << 20U);
  work.qa.doc_stride = 378;
  EXPECT_EQ(cost(work), limits::kRequestTokens);
}

TEST(EstimatedTokens, OfTextsThatAreCut) {
  Work work = question(100'000);
  auto model = std::make_shared<Model>(*work.model);
  model->info.task = Task::kEmbedding;
  work.model = model;
  EXPECT_EQ(cost(work), 512U);
}

}  // namespace
}  // namespace onecopy::gateway
