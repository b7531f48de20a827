#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <vector>

#include "worker/decode/code_points.h"
#include "worker/decode/lower_case.h"
#include "worker/decode/qa_answers.h"
#include "worker/decode/qa_spans.h"
#include "worker/decode/qa_windows.h"

namespace onecopy::worker {
namespace {

ModelInfo bert() {
  ModelInfo info;
  info.name = "qa0";
  info.positions = 512;
  info.max_tokens = 512;
  return info;
}

QaParams params(std::int32_t max_seq_len, std::int32_t doc_stride) {
  QaParams p;
  p.max_seq_len = max_seq_len;
  p.doc_stride = doc_stride;
  return p;
}

TEST(QaWindows, OneWindowWhereTheContextFits) {
  const auto windows = cut_windows({10, 371, 3, 2}, QaParams(), bert());
  ASSERT_TRUE(windows);
  EXPECT_EQ(*windows, (std::vector<QaWindow>{{0, 371}}));
}

TEST(QaWindows, DefaultsAndOverlap) {
  // 384 tokens, 10 of them the question's and 3 special: room 371, step 371 - 128 = 243.
  const auto windows = cut_windows({10, 700, 3, 2}, QaParams(), bert());
  ASSERT_TRUE(windows);
  EXPECT_EQ(*windows, (std::vector<QaWindow>{{0, 371}, {243, 371}, {486, 214}}));
}

TEST(QaWindows, TheLastWindowIsShortAndEndsTheContext) {
  const auto windows = cut_windows({4, 21, 3, 2}, params(17, 0), bert());
  ASSERT_TRUE(windows);
  EXPECT_EQ(*windows, (std::vector<QaWindow>{{0, 10}, {10, 10}, {20, 1}}));
}

TEST(QaWindows, RefusesWhatThePipelineRefuses) {
  EXPECT_FALSE(cut_windows({4, 200, 3, 2}, params(64, 65), bert()));  // stride over max_seq_len
  EXPECT_FALSE(cut_windows({4, 2, 3, 2}, params(64, 63), bert()));    // even where the context fits
  EXPECT_TRUE(cut_windows({4, 2, 3, 2}, params(64, 62), bert()));
  EXPECT_FALSE(cut_windows({4, 200, 3, 2}, params(64, 57), bert()));  // stride not below the room
  EXPECT_TRUE(cut_windows({4, 200, 3, 2}, params(64, 56), bert()));
  EXPECT_FALSE(cut_windows({61, 200, 3, 2}, params(64, 0), bert()));  // no room
  EXPECT_TRUE(cut_windows({60, 200, 3, 2}, params(64, 0), bert()));
  EXPECT_FALSE(
      cut_windows({4, 600, 3, 2}, params(513, 10), bert()));  // more than there are positions
  EXPECT_EQ(cut_windows({4, 1'000'000, 3, 2}, params(8, 0), bert()).error().code,
            ErrorCode::kTooLarge);
}

TEST(QaSpans, BestSpansInOrder) {
  const std::array<float, 4> start{5, 1, 2, 0};
  const std::array<float, 4> end{5, 0, 1, 3};
  const std::array<std::uint8_t, 4> allowed{1, 1, 1, 1};
  const QaSpans spans = best_spans(start, end, allowed, 3, 15);
  ASSERT_EQ(spans.best.size(), 3U);
  EXPECT_EQ(spans.best[0].start, 2U);
  EXPECT_EQ(spans.best[0].end, 3U);
  EXPECT_EQ(spans.best[1].start, 1U);
  EXPECT_EQ(spans.best[1].end, 3U);
  const double start_sum = std::exp(5.0) + std::exp(1.0) + std::exp(2.0) + 1;
  const double end_sum = std::exp(5.0) + 1 + std::exp(1.0) + std::exp(3.0);
  EXPECT_NEAR(spans.best[0].score, std::exp(2.0) / start_sum * std::exp(3.0) / end_sum, 1e-7);
  EXPECT_NEAR(spans.null_score, std::exp(5.0) / start_sum * std::exp(5.0) / end_sum, 1e-7);
}

TEST(QaSpans, MaskedTokensAndLength) {
  const std::array<float, 4> start{0, 9, 1, 1};
  const std::array<float, 4> end{0, 1, 9, 8};
  const std::array<std::uint8_t, 4> allowed{1, 0, 1, 1};
  const QaSpans spans = best_spans(start, end, allowed, 10, 1);
  ASSERT_EQ(spans.best.size(), 2U);  // (2,2) and (3,3): longer ones and token 1 are out
  EXPECT_EQ(spans.best[0].start, 2U);
  EXPECT_EQ(spans.best[1].start, 3U);
}

// A window of [CLS] q [SEP] c0 c1 c2 [SEP] where c1 and c2 are pieces of one word.
Tokens window() {
  Tokens t;
  t.ids = {2, 10, 3, 20, 21, 22, 3};
  t.type_ids = {0, 0, 0, 1, 1, 1, 1};
  t.offsets = {{0, 0}, {0, 3}, {0, 0}, {0, 4}, {5, 8}, {8, 11}, {0, 0}};
  t.words = {kNoWord, 0, kNoWord, 0, 1, 1, kNoWord};
  t.sequences = {kSpecialSequence, 0, kSpecialSequence, 1, 1, 1, kSpecialSequence};
  return t;
}

TEST(QaAnswers, AlignsToWholeWords) {
  EXPECT_EQ(answer_offsets({4, 4, 0}, window(), true), (Offset{5, 11}));
  EXPECT_EQ(answer_offsets({4, 4, 0}, window(), false), (Offset{5, 8}));
  EXPECT_EQ(answer_offsets({0, 4, 0}, window(), true),
            (Offset{0, 8}));  // CLS has no word: both ends fall back
  // A token of the question looks its word up in the context.
  EXPECT_EQ(answer_offsets({1, 1, 0}, window(), true), (Offset{0, 4}));
}

TEST(QaAnswers, EqualTextsMergeWhateverTheirCase) {
  QaAnswerList list("Rome rome");
  Tokens t = window();
  t.offsets[4] = {5, 9};
  list.add({3, 3, 0.25F}, t, false);
  list.add({4, 4, 0.5F}, t, false);
  const auto best = std::move(list).best(5);
  ASSERT_EQ(best.size(), 1U);
  EXPECT_DOUBLE_EQ(best[0].score, 0.75);
  EXPECT_EQ(best[0].start, 0U);
  EXPECT_EQ(best[0].end, 4U);
}

TEST(QaAnswers, TheNullAnswerComesLastAmongEquals) {
  QaAnswerList list("Rome rain");
  list.add({3, 3, 0.25F}, window(), false);
  list.add_null(0.25F);
  const auto best = std::move(list).best(2);
  ASSERT_EQ(best.size(), 2U);
  EXPECT_EQ(best[0].end, 4U);
  EXPECT_EQ(best[1].end, 0U);
}

TEST(CodePoints, ByteOffsetsOfEveryLength) {
  std::string text;
  std::vector<std::uint32_t> expected;
  for (int i = 0; i < 50; ++i) {
    for (const char* piece : {"a", "é", "字", "😀"}) {
      expected.push_back(static_cast<std::uint32_t>(text.size()));
      text += piece;
    }
  }
  const CodePointIndex index(text);
  for (std::uint32_t i = 0; i < expected.size(); ++i) EXPECT_EQ(index.byte_offset(i), expected[i]);
  EXPECT_EQ(index.byte_offset(200), text.size());
  EXPECT_EQ(index.byte_offset(100'000), text.size());
  EXPECT_EQ(CodePointIndex("").byte_offset(3), 0U);
}

// Expected values are what Python's str.lower() gives.
TEST(LowerCase, AsPython) {
  EXPECT_EQ(lower_case("ÄÖÜ Straße ẞ"), "äöü straße ß");
  EXPECT_EQ(lower_case("İI"), "i\u0307i");
  EXPECT_EQ(lower_case("ΟΔΟΣ"), "οδος");
  EXPECT_EQ(lower_case("ΟΔΟΣ ΣΑΣ"), "οδος σας");
  EXPECT_EQ(lower_case("Σ"), "σ");
  EXPECT_EQ(lower_case("ΑΣ."), "ας.");
  EXPECT_EQ(lower_case("ΑΣ.Α"), "ασ.α");
  EXPECT_EQ(lower_case("𐐀Ǆ Ⅷ"), "𐐨ǆ ⅷ");
}

}  // namespace
}  // namespace onecopy::worker
