// What the cache keeps: S3-FIFO within a bound of bytes.
#include "gateway/dispatch/answer_cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

namespace onecopy::gateway {
namespace {

using testing::ElementsAre;

constexpr std::size_t kBytes = 64 << 10;
constexpr int kScan = 5000;  // many times what fits

// Keys are digests: their bits are spread.
AnswerKey key(int number) {
  const auto n = static_cast<std::uint64_t>(number) + 1;
  return {n * 0x9E3779B97F4A7C15, n * 0xC2B2AE3D27D4EB4F};
}

WorkReply vector_of(int value, std::size_t size = 60) {
  WorkReply reply;
  reply.values.assign(size, static_cast<float>(value));
  return reply;
}

class AnswerCacheTest : public testing::Test {
 protected:
  void put(int from, int to) {
    for (int i = from; i < to; ++i) cache_.put(key(i), vector_of(i));
  }
  // What was never asked for before and never will be again.
  void scan(int count = kScan) {
    put(next_, next_ + count);
    next_ += count;
  }
  bool has(int number) { return cache_.find(key(number)).has_value(); }
  int found(int from, int to) {
    int count = 0;
    for (int i = from; i < to; ++i) count += has(i) ? 1 : 0;
    return count;
  }

  AnswerCache cache_{kBytes};
  int next_ = 1'000'000;
};

TEST_F(AnswerCacheTest, GivesBackWhatWasPut) {
  WorkReply answers;
  answers.answers = {{0.5, 1, 2, 3, 4}, {0.25, 5, 6, 7, 8}};
  cache_.put(key(1), answers);
  cache_.put(key(2), vector_of(7, 2));
  cache_.put(key(3), WorkReply());
  EXPECT_FALSE(has(4));
  const auto first = cache_.find(key(1));
  ASSERT_TRUE(first);
  ASSERT_EQ(first->answers.size(), 2U);
  EXPECT_EQ(first->answers[1].score, 0.25);
  EXPECT_EQ(first->answers[1].byte_end, 8U);
  EXPECT_TRUE(first->values.empty());
  EXPECT_THAT(cache_.find(key(2))->values, ElementsAre(7, 7));
  EXPECT_TRUE(cache_.find(key(3))->answers.empty());
  EXPECT_EQ(cache_.entries(), 3U);
}

TEST_F(AnswerCacheTest, ReplacesAnAnswer) {
  cache_.put(key(1), vector_of(1));
  const std::size_t bytes = cache_.bytes();
  cache_.put(key(1), vector_of(2));
  EXPECT_EQ(cache_.find(key(1))->values.front(), 2);
  EXPECT_EQ(cache_.entries(), 1U);
  EXPECT_EQ(cache_.bytes(), bytes);
  cache_.put(key(1), vector_of(3, 600));
  EXPECT_EQ(cache_.find(key(1))->values.size(), 600U);
  EXPECT_EQ(cache_.bytes(), bytes + 540 * sizeof(float));
  EXPECT_EQ(cache_.evictions(), 0U);
}

TEST_F(AnswerCacheTest, NeverTakesMoreThanItMay) {
  for (int i = 0; i < kScan; ++i) {
    cache_.put(key(i), vector_of(i, static_cast<std::size_t>(i * 37 % 1500)));
    if (i % 3 == 0) cache_.put(key(i / 2), vector_of(i, 1400));
    if (i % 5 == 0) has(i);
    if (i % 7 == 0) has(i - 1);
    ASSERT_LE(cache_.bytes(), kBytes) << i;
  }
  EXPECT_GT(cache_.entries(), 15U);
  EXPECT_GT(cache_.bytes(), kBytes * 8 / 10);
}

TEST_F(AnswerCacheTest, CountsWhatWasEvicted) {
  put(0, kScan);
  EXPECT_EQ(cache_.evictions(), kScan - cache_.entries());
  EXPECT_GT(cache_.entries(), 100U);
}

TEST_F(AnswerCacheTest, AScanEvictsNothingThatIsAskedForOften) {
  put(0, 100);
  EXPECT_EQ(found(0, 100), 100);
  EXPECT_EQ(found(0, 100), 100);
  scan();
  EXPECT_EQ(found(0, 100), 100);
}

TEST_F(AnswerCacheTest, WhatWasAskedForOnceGoesWithAScan) {
  put(0, 100);
  EXPECT_EQ(found(0, 100), 100);
  scan();
  EXPECT_EQ(found(0, 100), 0);
}

TEST_F(AnswerCacheTest, WhatComesBackSoonAfterItsEvictionStays) {
  cache_.put(key(0), vector_of(0));
  while (cache_.evictions() == 0) scan(1);  // the oldest is the first to go
  cache_.put(key(0), vector_of(0));         // its ghost is there
  scan();
  EXPECT_TRUE(has(0));
}

TEST_F(AnswerCacheTest, GhostsAreForgottenInTheirTurn) {
  cache_.put(key(0), vector_of(0));
  scan();
  cache_.put(key(0), vector_of(0));
  scan();
  EXPECT_FALSE(has(0));
}

TEST_F(AnswerCacheTest, WhatIsNoLongerAskedForLeavesTheMainQueue) {
  for (int i = 0; i < 1000; ++i) {
    put(i, i + 1);
    EXPECT_TRUE(has(i) && has(i));
  }
  scan();
  EXPECT_EQ(found(0, 500), 0);
  EXPECT_EQ(found(950, 1000), 50);
}

TEST_F(AnswerCacheTest, WhatIsAskedForInTheMainQueueStaysThere) {
  put(0, 1);
  EXPECT_TRUE(has(0) && has(0));
  scan();  // it moves
  for (int i = 1; i < 2000; ++i) {
    put(i, i + 1);
    EXPECT_TRUE(has(i) && has(i));
    EXPECT_TRUE(has(0)) << i;
  }
}

TEST_F(AnswerCacheTest, WhatIsTooLargeIsNotKept) {
  cache_.put(key(0), vector_of(0, kBytes / 10 / sizeof(float)));
  EXPECT_FALSE(has(0));
  cache_.put(key(1), vector_of(1));
  cache_.put(key(1), vector_of(2, kBytes));
  EXPECT_FALSE(has(1));  // what it had is no longer right
  EXPECT_EQ(cache_.entries(), 0U);
}

TEST_F(AnswerCacheTest, IsClearedAndGoesOn) {
  put(0, kScan);
  const std::uint64_t evictions = cache_.evictions();
  cache_.clear();
  EXPECT_EQ(cache_.entries(), 0U);
  EXPECT_EQ(cache_.bytes(), 0U);
  EXPECT_EQ(cache_.evictions(), evictions);
  EXPECT_EQ(found(0, kScan), 0);
  put(0, 3);
  EXPECT_EQ(found(0, 3), 3);
}

}  // namespace
}  // namespace onecopy::gateway
