// Who gets how many cores, at every change.
#include "gateway/dispatch/thread_grants.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <deque>
#include <numeric>
#include <random>
#include <vector>

namespace onecopy::gateway {
namespace {

using testing::ElementsAre;

class Grants : public testing::Test {
 protected:
  void use(unsigned cores, std::size_t workers) {
    grants_.emplace(cores);
    for (std::size_t i = 0; i < workers; ++i) numbers_.emplace_back(77);
  }
  void start(std::size_t worker, std::size_t more = 0) { grants_->start(numbers_[worker], more); }
  void stop(std::size_t worker) {
    grants_->stop(numbers_[worker]);
    grants_->share_out();
  }
  std::vector<unsigned> values() const { return {numbers_.begin(), numbers_.end()}; }

  std::optional<ThreadGrants> grants_;
  std::deque<ThreadGrants::Grant> numbers_;
};

TEST_F(Grants, ALoneWorkerGetsAllAndSharesWithThoseThatCome) {
  use(8, 3);
  start(0);
  EXPECT_THAT(values(), ElementsAre(8, 77, 77));
  start(1);
  EXPECT_THAT(values(), ElementsAre(4, 4, 77));
  start(2);
  EXPECT_THAT(values(), ElementsAre(3, 3, 2));
}

TEST_F(Grants, ThoseThatStayGetWhatOthersLeave) {
  use(8, 3);
  for (std::size_t worker : {0U, 1U, 2U}) start(worker);
  stop(0);
  EXPECT_THAT(values(), ElementsAre(3, 4, 4));  // an idle worker's number means nothing
  stop(2);
  EXPECT_THAT(values(), ElementsAre(3, 8, 4));
  stop(1);
  start(2);
  EXPECT_THAT(values(), ElementsAre(3, 8, 8));
}

TEST_F(Grants, MoreWorkersThanCoresGetOneEach) {
  use(2, 5);
  for (std::size_t worker = 0; worker < 5; ++worker) start(worker);
  EXPECT_THAT(values(), ElementsAre(1, 1, 1, 1, 1));
  for (std::size_t worker = 0; worker < 3; ++worker) stop(worker);
  EXPECT_THAT(values(), ElementsAre(1, 1, 1, 1, 1));
  stop(3);
  EXPECT_THAT(values(), ElementsAre(1, 1, 1, 1, 2));
}

TEST_F(Grants, OneCoreIsOneThreadForEach) {
  for (const unsigned cores : {0U, 1U}) {
    numbers_.clear();
    use(cores, 2);
    start(0);
    start(1);
    stop(0);
    EXPECT_THAT(values(), ElementsAre(1, 1)) << cores << " cores";
  }
}

TEST_F(Grants, CoresOfThoseThatStartNextAreSetAside) {
  use(4, 4);
  start(0, 3);
  EXPECT_THAT(values(), ElementsAre(1, 77, 77, 77));
  start(1, 2);
  EXPECT_THAT(values(), ElementsAre(1, 1, 77, 77));
  grants_->share_out();  // the others did not start after all
  EXPECT_THAT(values(), ElementsAre(2, 2, 77, 77));
}

// Until the next share_out() the others do not get what a worker left: it mostly starts again at
// once.
TEST_F(Grants, AWorkerBetweenTwoItemsChangesNothing) {
  use(2, 2);
  start(0);
  start(1);
  grants_->stop(numbers_[0]);
  EXPECT_THAT(values(), ElementsAre(1, 1));
  start(0);
  EXPECT_THAT(values(), ElementsAre(1, 1));
}

TEST_F(Grants, StoppingAnIdleWorkerChangesNothing) {
  use(4, 2);
  stop(0);  // died before its first item
  start(1);
  stop(0);
  EXPECT_THAT(values(), ElementsAre(77, 4));
}

TEST_F(Grants, WhatAWorkerWritesItselfCountsForNothing) {
  use(4, 2);
  start(0);
  numbers_[0] = 1000;
  start(1);
  EXPECT_THAT(values(), ElementsAre(2, 2));
}

TEST_F(Grants, NeverMoreThanThereAreAndNobodyWithout) {
  std::mt19937 random(7);
  for (const unsigned cores : {1U, 2U, 3U, 7U, 64U}) {
    numbers_.clear();
    use(cores, 9);
    std::vector<bool> busy(9, false);
    for (int step = 0; step < 2000; ++step) {
      const std::size_t worker = random() % 9;
      if (busy[worker]) {
        stop(worker);
      } else {
        start(worker, random() % 3);
        grants_->share_out();
      }
      busy[worker] = !busy[worker];
      unsigned sum = 0;
      for (std::size_t i = 0; i < 9; ++i) {
        if (busy[i]) {
          ASSERT_GE(numbers_[i], 1U);
          sum += numbers_[i];
        }
      }
      const auto working = static_cast<unsigned>(std::ranges::count(busy, true));
      ASSERT_EQ(sum, working == 0 ? 0 : std::max(cores, working));
    }
  }
}

}  // namespace
}  // namespace onecopy::gateway
