#include <gtest/gtest.h>
#include <malloc.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "shared/base/limits.h"
#include "worker/decode/code_points.h"
#include "worker/decode/lower_case.h"
#include "worker/decode/qa_answers.h"
#include "worker/decode/qa_spans.h"
#include "worker/decode/qa_windows.h"

namespace onecopy::worker {
namespace {

std::size_t allocated() {
  const struct mallinfo2 now = ::mallinfo2();
  return now.uordblks + now.hblkhd;
}

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

std::vector<QaWindow> list(const QaWindows& windows) {
  std::vector<QaWindow> list;
  for (std::size_t i = 0; i < windows.size(); ++i) list.push_back(windows[i]);
  return list;
}

TEST(QaWindows, OneWindowWhereTheContextFits) {
  const auto windows = cut_windows({10, 371, 3, 2}, QaParams(), bert());
  ASSERT_TRUE(windows);
  EXPECT_EQ(list(*windows), (std::vector<QaWindow>{{0, 371}}));
}

TEST(QaWindows, DefaultsAndOverlap) {
  // 384 tokens, 10 of them the question's and 3 special: room 371, step 371 - 128 = 243.
  const auto windows = cut_windows({10, 700, 3, 2}, QaParams(), bert());
  ASSERT_TRUE(windows);
  EXPECT_EQ(list(*windows), (std::vector<QaWindow>{{0, 371}, {243, 371}, {486, 214}}));
}

TEST(QaWindows, TheLastWindowIsShortAndEndsTheContext) {
  const auto windows = cut_windows({4, 21, 3, 2}, params(17, 0), bert());
  ASSERT_TRUE(windows);
  EXPECT_EQ(list(*windows), (std::vector<QaWindow>{{0, 10}, {10, 10}, {20, 1}}));
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

// What a text costs in windows is bounded: 1 MiB with the defaults passes, a few kilobytes with
// windows that overlap almost wholly do not.
TEST(QaWindows, BoundsWhatARequestCosts) {
  EXPECT_TRUE(cut_windows({30, 1U << 20U, 3, 2}, QaParams(), bert()));
  EXPECT_TRUE(cut_windows({5, 300'000, 4, 2}, params(128, -1), bert()));
  const auto costly = cut_windows({5, 5000, 3, 2}, params(384, 370), bert());
  ASSERT_FALSE(costly);
  EXPECT_EQ(costly.error().code, ErrorCode::kTooLarge);
  for (const char* named : {"context", "doc_stride", "max_seq_len"}) {
    EXPECT_NE(costly.error().text.find(named), std::string::npos) << costly.error().text;
  }
  EXPECT_TRUE(cut_windows({5, 1000, 3, 2}, params(384, 370), bert()));  // cheap all the same
  EXPECT_TRUE(cut_windows({5, 5000, 3, 2}, params(384, 340), bert()));
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
  EXPECT_TRUE(list.add({3, 3, 0.25F}, t, false));
  EXPECT_TRUE(list.add({4, 4, 0.5F}, t, false));
  const auto best = std::move(list).best(5);
  ASSERT_EQ(best.size(), 1U);
  EXPECT_DOUBLE_EQ(best[0].score, 0.75);
  EXPECT_EQ(best[0].start, 0U);
  EXPECT_EQ(best[0].end, 4U);
}

TEST(QaAnswers, TheNullAnswerComesLastAmongEquals) {
  QaAnswerList list("Rome rain");
  EXPECT_TRUE(list.add({3, 3, 0.25F}, window(), false));
  list.add_null(0.25F);
  const auto best = std::move(list).best(2);
  ASSERT_EQ(best.size(), 2U);
  EXPECT_EQ(best[0].end, 4U);
  EXPECT_EQ(best[1].end, 0U);
}

// All spans of words in a context of words that are all different, in bounded memory; the merged
// scores and their order are those of a plain list of texts.
TEST(QaAnswers, AreMergedAsAPlainListWould) {
  std::string context;
  Tokens t;
  for (std::uint32_t i = 0; i < 300; ++i) {
    const std::string word = (i % 2 == 0 ? "Word" : "wORD") + std::to_string(i / 2 % 70);
    const auto start = static_cast<std::uint32_t>(context.size());
    t.offsets.push_back({start, start + static_cast<std::uint32_t>(word.size())});
    t.words.push_back(static_cast<std::int32_t>(i));
    t.sequences.push_back(1);
    t.ids.push_back(7);
    context += word + " ";
  }
  QaAnswerList list(context);
  std::map<std::string, std::size_t> places;
  std::vector<QaAnswer> expected;
  for (std::size_t i = 0; i < 200'000; ++i) {
    const std::size_t start = i * 7919 % 297;
    const QaSpan span{start, start + i % 3, static_cast<float>(i % 101 + 1) / 128};
    ASSERT_TRUE(list.add(span, t, false));
    const Offset offset{t.offsets[start].start, t.offsets[span.end].end};
    const auto [place, is_new] = places.try_emplace(
        lower_case(context.substr(offset.start, offset.end - offset.start)), expected.size());
    if (is_new) expected.push_back({0, offset.start, offset.end, offset.start, offset.end});
    expected[place->second].score += static_cast<double>(span.score);
  }
  std::ranges::stable_sort(expected, std::ranges::greater(), &QaAnswer::score);
  const auto best = std::move(list).best(100);
  ASSERT_EQ(best.size(), 100U);
  for (std::size_t i = 0; i < best.size(); ++i) {
    EXPECT_EQ(best[i].score, expected[i].score) << i;
    EXPECT_EQ(best[i].start, expected[i].start) << i;
    EXPECT_EQ(best[i].byte_end, expected[i].byte_end) << i;
  }
}

// Over a million spans of which all texts differ: refused in time, and never more than tens of
// megabytes.
TEST(QaAnswers, AreBoundedInNumberAndMemory) {
  constexpr std::size_t kWords = 27'000;
  std::string context;
  Tokens t;
  for (std::uint32_t i = 0; i < kWords; ++i) {
    const auto start = static_cast<std::uint32_t>(context.size());
    context += std::to_string(i) + " ";
    t.offsets.push_back({start, static_cast<std::uint32_t>(context.size()) - 1});
    t.words.push_back(static_cast<std::int32_t>(i));
    t.sequences.push_back(1);
    t.ids.push_back(7);
  }
  QaAnswerList list(context);
  const std::size_t before = allocated();
  std::size_t most = 0;
  std::size_t added = 0;
  Status status;
  for (std::size_t start = 0; status && start < kWords; ++start) {
    for (std::size_t end = start; status && end < std::min(start + 40, kWords); ++end) {
      status = list.add({start, end, 0.5F}, t, false);
      added += status ? 1U : 0U;
    }
    most = std::max(most, allocated());
  }
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kTooLarge);
  EXPECT_NE(status.error().text.find("top_k"), std::string::npos);
  EXPECT_EQ(added, limits::kQaAnswers);
  EXPECT_LT(most - before, 64U << 20U);
  EXPECT_EQ(std::move(list).best(1000).size(), 1000U);
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
