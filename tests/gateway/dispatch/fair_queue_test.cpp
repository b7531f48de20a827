#include "gateway/dispatch/fair_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "gateway/dispatch/call.h"

namespace onecopy::gateway {
namespace {

class FairQueueTest : public testing::Test {
 protected:
  // Items 0 to 9 are of the first model, 10 to 19 of the second, 20 to 29 of the third.
  void push(std::size_t i) { queue_.push_back(items_[i], models_[i / 10]); }
  std::vector<std::size_t> pop_all() {
    std::vector<std::size_t> order;
    while (const WorkItem* item = queue_.pop()) {
      order.push_back(static_cast<std::size_t>(item - items_.data()));
    }
    return order;
  }
  FairQueue queue_;
  std::array<Model, 3> models_;
  std::array<WorkItem, 30> items_;
};

TEST_F(FairQueueTest, ServesModelsInTurnsAndEachInOrder) {
  for (const std::size_t i : {0u, 1u, 2u, 3u, 10u, 20u, 21u}) push(i);
  EXPECT_EQ(queue_.size(), 7U);
  EXPECT_THAT(pop_all(), testing::ElementsAre(0, 10, 20, 1, 21, 2, 3));
  EXPECT_TRUE(queue_.empty());
}

TEST_F(FairQueueTest, ANewModelWaitsForOneTurnOfEachOther) {
  for (const std::size_t i : {0u, 1u, 2u}) push(i);
  EXPECT_EQ(queue_.pop(), &items_[0]);
  push(10);
  EXPECT_THAT(pop_all(), testing::ElementsAre(1, 10, 2));
}

TEST_F(FairQueueTest, AnItemPutBackComesFirst) {
  for (const std::size_t i : {0u, 1u, 10u, 11u}) push(i);
  WorkItem* const item = queue_.pop();
  EXPECT_EQ(queue_.pop(), &items_[10]);
  queue_.push_front(*item, models_[0]);
  EXPECT_THAT(pop_all(), testing::ElementsAre(0, 11, 1));
  queue_.push_front(*item, models_[0]);
  EXPECT_THAT(pop_all(), testing::ElementsAre(0));
}

TEST_F(FairQueueTest, NextOfAModelIsItsOldestWhoeversTurnItIs) {
  for (const std::size_t i : {0u, 1u, 10u}) push(i);
  EXPECT_EQ(queue_.next_of(models_[1]), &items_[10]);
  EXPECT_EQ(queue_.next_of(models_[0]), &items_[0]);
  EXPECT_EQ(queue_.next_of(models_[2]), nullptr);
  EXPECT_EQ(queue_.pop(), &items_[0]);
  EXPECT_EQ(queue_.next_of(models_[0]), &items_[1]);
  queue_.remove(items_[1]);
  EXPECT_EQ(queue_.next_of(models_[0]), nullptr);
  EXPECT_THAT(pop_all(), testing::ElementsAre(10));
}

TEST_F(FairQueueTest, RemovesFromAnywhere) {
  for (const std::size_t i : {0u, 1u, 2u, 10u}) push(i);
  queue_.remove(items_[1]);
  queue_.remove(items_[10]);
  queue_.remove(items_[10]);
  EXPECT_EQ(queue_.size(), 2U);
  EXPECT_THAT(pop_all(), testing::ElementsAre(0, 2));
  queue_.remove(items_[0]);
  EXPECT_EQ(queue_.pop(), nullptr);
}

}  // namespace
}  // namespace onecopy::gateway
