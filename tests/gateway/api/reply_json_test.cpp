#include "gateway/api/reply_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "shared/base/limits.h"

namespace onecopy::gateway {
namespace {

Work work_with(Task task, std::string context = "") {
  Model model;
  model.name = "m";
  model.info.task = task;
  model.info.hidden = 2;
  model.info.labels = {"a", "b\"", "c"};
  Work work;
  work.model = std::make_shared<const Model>(std::move(model));
  work.texts.push_back({"question", std::move(context)});
  return work;
}
Call::Replies answers(std::vector<QaAnswer> list) {
  Call::Replies replies(1);
  replies[0].answers = std::move(list);
  return replies;
}
Call::Replies values(std::vector<std::vector<float>> lists) {
  Call::Replies replies(lists.size());
  for (std::size_t i = 0; i < lists.size(); ++i) replies[i].values = std::move(lists[i]);
  return replies;
}

TEST(FormatAnswers, OneIsAnObjectOtherwiseAList) {
  const Work work = work_with(Task::kQuestionAnswering,
                              "\xC3\x9C"
                              "ber \"x\"");
  const QaAnswer first{0.5, 0, 4, 0, 5};
  const QaAnswer second{5e-07, 5, 8, 6, 9};
  const std::string one =
      "{\"score\": 0.5, \"start\": 0, \"end\": 4, \"answer\": \"\xC3\x9C"
      "ber\"}";
  const std::string two = R"({"score": 5e-07, "start": 5, "end": 8, "answer": "\"x\""})";
  EXPECT_EQ(format_answers(work, answers({first})).value(), one);
  EXPECT_EQ(format_answers(work, answers({first, second})).value(), "[" + one + ", " + two + "]");
  EXPECT_EQ(format_answers(work, answers({})).value(), "[]");
}

TEST(FormatAnswers, BoundsTheReply) {
  const std::uint32_t size = 1 << 20;
  const Work work = work_with(Task::kQuestionAnswering, std::string(size, 'x'));
  const auto reply =
      format_answers(work, answers(std::vector<QaAnswer>(20, {1, 0, size, 0, size})));
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, ErrorCode::kTooLarge);
  EXPECT_THAT(reply.error().text, testing::HasSubstr("lower top_k or max_answer_len"));
}

TEST(FormatLabels, GreatestFirstAndStable) {
  const Work work = work_with(Task::kSequenceClassification);
  EXPECT_EQ(format_labels(work, values({{0.25F, 0.5F, 0.25F}})).value(),
            R"({"b\"": 0.5, "a": 0.25, "c": 0.25})");
}

TEST(FormatLabels, RefusesWhatNoModelComputes) {
  const Work work = work_with(Task::kSequenceClassification);
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(format_labels(work, values({{0.5F}})).error().code, ErrorCode::kInternal);
  EXPECT_EQ(format_labels(work, values({{0.5F, nan, 0.5F}})).error().code, ErrorCode::kInternal);
}

TEST(FormatVectors, OneForEachText) {
  const Work work = work_with(Task::kEmbedding);
  EXPECT_EQ(format_vectors(work, values({{0.1F, -2}, {0, 1e-9F}})).value(),
            "[[0.1,-2.0],[0.0,1e-09]]");
  EXPECT_EQ(format_vectors(work, values({{0.1F}})).error().code, ErrorCode::kInternal);
}

TEST(ErrorReply, MapsEachCodeToItsStatus) {
  EXPECT_EQ(http_status(ErrorCode::kInvalidArgument), 400);
  EXPECT_EQ(http_status(ErrorCode::kNotFound), 404);
  EXPECT_EQ(http_status(ErrorCode::kTooLarge), 413);
  EXPECT_EQ(http_status(ErrorCode::kBusy), 429);
  EXPECT_EQ(http_status(ErrorCode::kUnavailable), 503);
  EXPECT_EQ(http_status(ErrorCode::kDeadline), 504);
  EXPECT_EQ(http_status(ErrorCode::kInternal), 500);
  EXPECT_EQ(http_status(ErrorCode::kCorrupt), 500);
  EXPECT_EQ(error_reply({ErrorCode::kBusy, "x"}, 7).retry_after_s, 7);
  EXPECT_EQ(error_reply({ErrorCode::kNotFound, "x\n"}, 7).retry_after_s, 0);
  EXPECT_EQ(error_reply({ErrorCode::kNotFound, "x\n"}, 7).body, R"({"error": "x\n"})");
}

}  // namespace
}  // namespace onecopy::gateway
