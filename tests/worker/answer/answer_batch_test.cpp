// A batch of requests gets, to the last bit, what each request gets alone; and what is wrong with
// one of them is its own.
#include <gmock/gmock.h>
#include <unistd.h>

#include <bit>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "host/publish/model_loader.h"
#include "shared/base/limits.h"
#include "shared/segment/segment_file.h"
#include "worker/answer/answer.h"

namespace onecopy::worker {
namespace {

using nlohmann::json;

class AnswerBatch : public testing::Test {
 protected:
  const ServedModel& model(const std::string& name) {
    std::string& segment = segments_[name];
    if (segment.empty()) {
      const auto folder = std::filesystem::path(ONECOPY_SOURCE_DIR) / "tests/golden/models" / name;
      auto loaded =
          host::load_model({.name = name, .folder = folder, .adapter = {}},
                           "test-batch-" + std::to_string(getpid()), ++generation_, catalogue_);
      EXPECT_TRUE(loaded) << loaded.error().text;
      segment = loaded->segment->name();
      published_.push_back(loaded->segment);
      SegmentFiles files;
      for (const auto& one : published_) {
        files[one->name()] = open_segment_file(one->name()).value();
      }
      models_.attach(segment, files);
    }
    const auto served = models_.get(segment);
    EXPECT_TRUE(served) << served.error().text;
    return **served;
  }

  WorkReply alone(const ServedModel& served, const WorkRequest& request) {
    return answer(served, {&request, 1}, workspace_).at(0);
  }
  // The batch's replies, after they have been compared with those of each request alone.
  std::vector<WorkReply> checked(const ServedModel& served,
                                 const std::vector<WorkRequest>& requests) {
    auto replies = answer(served, requests, workspace_);
    EXPECT_EQ(replies.size(), requests.size());
    for (std::size_t i = 0; i < replies.size(); ++i) {
      expect_same(replies[i], alone(served, requests[i]), i);
    }
    return replies;
  }

  static void expect_same(const WorkReply& got, const WorkReply& expected, std::size_t i) {
    const auto text = [](const WorkReply& reply) { return reply.error ? reply.error->text : ""; };
    EXPECT_EQ(text(got), text(expected)) << i;
    EXPECT_EQ(got.tokens, expected.tokens) << i;
    ASSERT_EQ(got.values.size(), expected.values.size()) << i;
    for (std::size_t v = 0; v < got.values.size(); ++v) {
      ASSERT_EQ(std::bit_cast<std::uint32_t>(got.values[v]),
                std::bit_cast<std::uint32_t>(expected.values[v]))
          << i;
    }
    ASSERT_EQ(got.answers.size(), expected.answers.size()) << i;
    for (std::size_t a = 0; a < got.answers.size(); ++a) {
      EXPECT_EQ(got.answers[a].score, expected.answers[a].score) << i;
      EXPECT_EQ(got.answers[a].start, expected.answers[a].start) << i;
      EXPECT_EQ(got.answers[a].end, expected.answers[a].end) << i;
      EXPECT_EQ(got.answers[a].byte_start, expected.answers[a].byte_start) << i;
      EXPECT_EQ(got.answers[a].byte_end, expected.answers[a].byte_end) << i;
    }
  }

  host::TensorCatalogue catalogue_;
  std::vector<std::shared_ptr<const host::PublishedSegment>> published_;
  std::map<std::string, std::string> segments_;
  std::uint64_t generation_ = 0;
  ServedModels models_;
  Workspace workspace_{2};
};

// Texts of one golden model, which the requests borrow.
struct Rows {
  std::vector<std::pair<std::string, std::optional<std::string>>> texts;
  std::vector<WorkRequest> requests(Task task) const {
    std::vector<WorkRequest> requests;
    for (const auto& [text, pair] : texts) {
      WorkRequest request;
      request.task = task;
      request.text = text;
      if (pair) request.pair = *pair;
      requests.push_back(request);
    }
    return requests;
  }
};

std::map<std::string, Rows> golden(const std::string& file, const char* text, const char* pair,
                                   std::size_t most) {
  std::map<std::string, Rows> by_model;
  std::ifstream lines(std::filesystem::path(ONECOPY_SOURCE_DIR) / "tests/golden" / file);
  for (std::string line; std::getline(lines, line);) {
    const json row = json::parse(line);
    Rows& rows = by_model[row["model"]];
    if (rows.texts.size() == most) continue;
    std::optional<std::string> second;
    if (row.contains(pair) && !row[pair].is_null()) second = row[pair];
    rows.texts.emplace_back(row[text], second);
  }
  return by_model;
}

TEST_F(AnswerBatch, Questions) {
  for (const auto& [name, rows] : golden("qa.jsonl", "question", "context", 40)) {
    SCOPED_TRACE(name);
    auto requests = rows.requests(Task::kQuestionAnswering);
    for (std::size_t i = 0; i < requests.size(); ++i) {
      requests[i].qa.top_k = 1 + static_cast<std::int32_t>(i % 3);
      requests[i].qa.handle_impossible_answer = i % 2;
    }
    checked(model(name), requests);
  }
}

TEST_F(AnswerBatch, Classification) {
  for (const auto& [name, rows] : golden("classify.jsonl", "text", "pair", 40)) {
    SCOPED_TRACE(name);
    checked(model(name), rows.requests(Task::kSequenceClassification));
  }
}

TEST_F(AnswerBatch, Embedding) {
  const auto rows = golden("embed.jsonl", "text", "pair", 60).at("tiny-bert-embed");
  checked(model("tiny-bert-embed"), rows.requests(Task::kEmbedding));
}

// The windows of several contexts share a part, and one context's windows several parts.
TEST_F(AnswerBatch, WindowsOfSeveralContexts) {
  std::string context;
  for (int i = 0; i < 400; ++i) context += "the bridge of the old town was built by Quatz. ";
  std::vector<WorkRequest> requests;
  for (const std::size_t bytes : {200U, 9000U, 40U, 18000U, 700U}) {
    WorkRequest request;
    request.task = Task::kQuestionAnswering;
    request.text = "who built it?";
    request.pair = std::string_view(context).substr(0, bytes);
    request.qa.max_seq_len = 100;
    request.qa.doc_stride = 30;
    request.qa.top_k = 5;
    requests.push_back(request);
  }
  for (const char* name : {"tiny-bert-qa", "tiny-roberta-qa"}) {
    SCOPED_TRACE(name);
    const auto replies = checked(model(name), requests);
    EXPECT_GT(replies[3].tokens, 4 * limits::kBatchTokens);
    EXPECT_LT(replies[0].tokens + replies[2].tokens, limits::kBatchTokens);
  }
}

TEST_F(AnswerBatch, AnErrorOfOneIsItsOwn) {
  const std::string text = "the old bridge";
  WorkRequest good;
  good.task = Task::kQuestionAnswering;
  good.text = "who?";
  good.pair = text;
  WorkRequest bad_stride = good;
  bad_stride.qa.max_seq_len = 20;
  bad_stride.qa.doc_stride = 100;
  WorkRequest not_utf8 = good;
  not_utf8.text = "\xff";
  WorkRequest other_task = good;
  other_task.task = Task::kEmbedding;
  WorkRequest late = good;
  late.deadline = std::chrono::steady_clock::now() - std::chrono::seconds(1);
  const auto replies =
      checked(model("tiny-bert-qa"), {good, bad_stride, good, not_utf8, other_task, late, good});
  for (const std::size_t i : {0U, 2U, 6U}) EXPECT_FALSE(replies[i].error) << i;
  EXPECT_EQ(replies[1].error->code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(replies[3].error->text, testing::StartsWith("question: "));
  EXPECT_THAT(replies[4].error->text, testing::HasSubstr("does"));
  EXPECT_EQ(replies[5].error->code, ErrorCode::kDeadline);
}

TEST_F(AnswerBatch, TooLongATextOfOneIsItsOwn) {
  std::string text;
  for (int i = 0; i < 2000; ++i) text += "bridge ";
  WorkRequest good;
  good.task = Task::kSequenceClassification;
  good.text = "bridge";
  WorkRequest cut = good;
  cut.text = text;
  WorkRequest whole = cut;
  whole.text_params.truncate = 0;
  const auto replies = checked(model("tiny-bert-cls"), {cut, whole, good, cut});
  EXPECT_EQ(replies[1].error->code, ErrorCode::kInvalidArgument);
  for (const std::size_t i : {0U, 2U, 3U}) EXPECT_EQ(replies[i].values.size(), 2U) << i;
}

}  // namespace
}  // namespace onecopy::worker
