// Heads on hidden states that are written down here.
#include "worker/encoder/head_logits.h"

#include <gmock/gmock.h>

#include <cmath>

#include "tests/worker/encoder/encoder_random_model.h"

namespace onecopy::worker {
namespace {

using testing::ElementsAre;
using testing::FloatNear;
using testing::Pointwise;

const std::vector<float> kHidden{1, -2, 3, 4, 5, -9};  // three tokens of width 2
const std::vector<std::uint32_t> kStarts{0, 2, 3};

TEST(Pool, MeanClsAndMax) {
  EXPECT_THAT(pool(kHidden, kStarts, Pooling::kMean, false), ElementsAre(2, 1, 5, -9));
  EXPECT_THAT(pool(kHidden, kStarts, Pooling::kCls, false), ElementsAre(1, -2, 5, -9));
  EXPECT_THAT(pool(kHidden, kStarts, Pooling::kMax, false), ElementsAre(3, 4, 5, -9));
}

TEST(Pool, NormalizesToLengthOne) {
  const std::vector<float> hidden{3, 4, 0, 0};
  const std::vector<std::uint32_t> starts{0, 1, 2};
  EXPECT_THAT(pool(hidden, starts, Pooling::kMean, true),
              Pointwise(FloatNear(1e-7F), std::vector<float>{0.6F, 0.8F, 0, 0}));
}

ModelInfo head_info(Family family, Task task) {
  ModelInfo info = small_model(family, 2, 24, 64);
  info.task = task;
  if (task == Task::kSequenceClassification) info.labels = {"a", "b", "c"};
  return info;
}

std::vector<float> hidden_of(std::size_t tokens, std::size_t width) {
  std::vector<float> hidden(tokens * width);
  for (std::size_t i = 0; i < hidden.size(); ++i) hidden[i] = std::sin(static_cast<float>(i));
  return hidden;
}

TEST(QaLogits, AreTwoDotProductsPerToken) {
  const auto model = random_model(head_info(Family::kBert, Task::kQuestionAnswering), 1);
  ASSERT_TRUE(model);
  const std::vector<float> hidden = hidden_of(5, 48);
  const auto logits = qa_logits(*model, hidden);
  ASSERT_TRUE(logits);
  ASSERT_EQ(logits->start.size(), 5U);
  const HeadWeights& head = model->head();
  for (std::size_t t = 0; t < 5; ++t) {
    double start = head.qa_bias[0];
    double end = head.qa_bias[1];
    for (std::size_t i = 0; i < 48; ++i) {
      start += hidden[t * 48 + i] * head.qa_weight[i];
      end += hidden[t * 48 + i] * head.qa_weight[48 + i];
    }
    EXPECT_NEAR(logits->start[t], start, 1e-5);
    EXPECT_NEAR(logits->end[t], end, 1e-5);
  }
}

class Classification : public testing::TestWithParam<Family> {};

TEST_P(Classification, PoolsEachFirstRow) {
  const auto model = random_model(head_info(GetParam(), Task::kSequenceClassification), 2);
  ASSERT_TRUE(model);
  const std::vector<float> first_rows = hidden_of(2, 48);
  Workspace workspace(1);
  const auto logits = classification_logits(*model, first_rows, workspace);
  ASSERT_TRUE(logits);
  ASSERT_EQ(logits->size(), 6U);
  const HeadWeights& head = model->head();
  for (std::size_t s = 0; s < 2; ++s) {
    std::vector<double> want(head.classifier_bias.begin(), head.classifier_bias.end());
    for (std::size_t n = 0; n < 48; ++n) {  // one panel
      double v = head.pooler.bias[n];
      for (std::size_t k = 0; k < 48; ++k) {
        v += first_rows[s * 48 + k] * head.pooler.weight.floats()[k * kPanelWidth + n];
      }
      v = GetParam() == Family::kDistilBert ? std::max(v, 0.0) : std::tanh(v);
      for (std::size_t l = 0; l < 3; ++l) want[l] += v * head.classifier_weight[l * 48 + n];
    }
    for (std::size_t l = 0; l < 3; ++l) EXPECT_NEAR((*logits)[s * 3 + l], want[l], 1e-5);
  }
}

INSTANTIATE_TEST_SUITE_P(Families, Classification,
                         testing::Values(Family::kBert, Family::kRoberta, Family::kDistilBert));

TEST(Heads, SayWhenTheModelHasNone) {
  const auto model = random_model(head_info(Family::kBert, Task::kEmbedding), 3);
  ASSERT_TRUE(model);
  Workspace workspace(1);
  const std::vector<float> hidden = hidden_of(1, 48);
  EXPECT_EQ(qa_logits(*model, hidden).error().text, "model random has no question-answering head");
  EXPECT_EQ(classification_logits(*model, hidden, workspace).error().text,
            "model random has no classification head");
}

}  // namespace
}  // namespace onecopy::worker
