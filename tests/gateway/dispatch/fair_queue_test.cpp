#include "gateway/dispatch/fair_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <vector>

#include "gateway/dispatch/work.h"

namespace onecopy::gateway {
namespace {

class FairQueueTest : public testing::Test {
 protected:
  // Items 0 to 9 are of the first model, 10 to 19 of the second, 20 to 29 of the third.
  FairQueueTest() {
    for (Work& work : works_) work.model = std::make_shared<Model>();
    for (std::size_t i = 0; i < items_.size(); ++i) items_[i].work = &works_[i / 10];
  }
  void push(std::size_t i) { queue_.push_back(items_[i]); }
  void push(std::size_t i, std::size_t cost) {
    items_[i].tokens = cost;
    push(i);
  }
  const Model& model(std::size_t i) const { return *works_[i].model; }
  std::vector<std::size_t> pop_all() {
    std::vector<std::size_t> order;
    while (const WorkItem* item = queue_.pop()) {
      order.push_back(static_cast<std::size_t>(item - items_.data()));
    }
    return order;
  }
  FairQueue queue_;
  std::array<Work, 3> works_;
  std::array<WorkItem, 30> items_;
};

TEST_F(FairQueueTest, ServesModelsInTurnsAndEachInOrder) {
  for (const std::size_t i : {0u, 1u, 2u, 3u, 10u, 20u, 21u}) push(i);
  EXPECT_EQ(queue_.size(), 7U);
  EXPECT_THAT(pop_all(), testing::ElementsAre(0, 10, 20, 1, 21, 2, 3));
  EXPECT_TRUE(queue_.empty());
}

TEST_F(FairQueueTest, ANewModelBeginsWhereTheOthersAre) {
  for (const std::size_t i : {0u, 1u, 2u}) push(i);
  EXPECT_EQ(queue_.pop(), &items_[0]);
  push(10);
  EXPECT_THAT(pop_all(), testing::ElementsAre(10, 1, 2));
}

TEST_F(FairQueueTest, AnItemPutBackComesFirst) {
  for (const std::size_t i : {0u, 1u, 10u, 11u}) push(i);
  WorkItem* const item = queue_.pop();
  EXPECT_EQ(queue_.pop(), &items_[10]);
  queue_.push_front(*item);
  EXPECT_THAT(pop_all(), testing::ElementsAre(0, 1, 11));
  queue_.push_front(*item);
  EXPECT_THAT(pop_all(), testing::ElementsAre(0));
}

TEST_F(FairQueueTest, NextOfAModelIsItsOldestWhoeversTurnItIs) {
  for (const std::size_t i : {0u, 1u, 10u}) push(i);
  EXPECT_EQ(queue_.next_of(model(1)), &items_[10]);
  EXPECT_EQ(queue_.next_of(model(0)), &items_[0]);
  EXPECT_EQ(queue_.next_of(model(2)), nullptr);
  EXPECT_EQ(queue_.pop(), &items_[0]);
  EXPECT_EQ(queue_.next_of(model(0)), &items_[1]);
  queue_.remove(items_[1]);
  EXPECT_EQ(queue_.next_of(model(0)), nullptr);
  EXPECT_THAT(pop_all(), testing::ElementsAre(10));
}

TEST_F(FairQueueTest, TurnsGoByCost) {
  for (const std::size_t i : {0u, 1u, 2u}) push(i, 100);
  for (const std::size_t i : {10u, 11u, 12u, 13u, 14u, 15u}) push(i, 30);
  EXPECT_THAT(pop_all(), testing::ElementsAre(0, 10, 11, 12, 13, 1, 14, 15, 2));
}

// What a model did not use while it had nothing to do is not saved up, and what it used is not
// forgotten while others wait.
TEST_F(FairQueueTest, AnEmptyLaneNeitherSavesNorForgets) {
  for (const std::size_t i : {0u, 1u, 2u, 3u}) push(i, 10);
  push(10, 1000);
  EXPECT_EQ(queue_.pop(), &items_[0]);
  EXPECT_EQ(queue_.pop(), &items_[10]);
  EXPECT_EQ(queue_.pop(), &items_[1]);
  EXPECT_EQ(queue_.pop(), &items_[2]);
  push(20, 10);  // begins at the time that has come, 20, and not at 0
  push(11, 10);  // its lane was empty, but has used 1000
  push(21, 10);
  EXPECT_THAT(pop_all(), testing::ElementsAre(20, 3, 21, 11));
}

TEST_F(FairQueueTest, ABatchsCompanionsAreCharged) {
  for (const std::size_t i : {0u, 1u, 2u, 3u}) push(i, 10);
  push(10, 10);
  push(11, 10);
  EXPECT_EQ(queue_.pop(), &items_[0]);
  queue_.take(*queue_.next_of(model(0)));
  queue_.take(*queue_.next_of(model(0)));  // the lane is due at 30
  EXPECT_THAT(pop_all(), testing::ElementsAre(10, 11, 3));
}

TEST_F(FairQueueTest, WhatIsPutBackIsNextOfItsModelAndFree) {
  for (const std::size_t i : {0u, 1u}) push(i, 50);
  push(10, 10);
  WorkItem* const item = queue_.pop();
  queue_.push_front(*item);
  EXPECT_EQ(queue_.next_of(model(0)), item);
  EXPECT_EQ(queue_.next_of(model(1)), &items_[10]);
  EXPECT_THAT(pop_all(), testing::ElementsAre(0, 10, 1));
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
