#include "gateway/dispatch/traffic.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

namespace onecopy::gateway {
namespace {

TrafficEntry shares(std::map<std::uint32_t, double> by_version) {
  TrafficEntry traffic;
  traffic.shares = std::move(by_version);
  return traffic;
}

constexpr int kUsers = 20'000;

std::map<int, std::uint32_t> choices(TrafficSplitter& splitter, const TrafficEntry& traffic) {
  std::map<int, std::uint32_t> chosen;
  for (int i = 0; i < kUsers; ++i) {
    chosen[i] = splitter.choose(traffic, "user " + std::to_string(i));
  }
  return chosen;
}

double part_of(const std::map<int, std::uint32_t>& chosen, std::uint32_t version) {
  int count = 0;
  for (const auto& [user, one] : chosen) count += one == version ? 1 : 0;
  return static_cast<double>(count) / kUsers;
}

TEST(Traffic, FollowsTheSharesByChance) {
  TrafficSplitter splitter;
  std::map<std::uint32_t, int> counts;
  const TrafficEntry traffic = shares({{1, 90}, {2, 10}, {3, 0}});
  for (int i = 0; i < kUsers; ++i) ++counts[splitter.choose(traffic, std::nullopt)];
  EXPECT_NEAR(counts[1], kUsers * 0.9, kUsers * 0.02);
  EXPECT_NEAR(counts[2], kUsers * 0.1, kUsers * 0.02);
  EXPECT_EQ(counts.count(3), 0U);
}

TEST(Traffic, AStickyValueHasItsVersionAndTheSharesHold) {
  TrafficSplitter splitter;
  const TrafficEntry traffic = shares({{1, 90}, {2, 10}});
  const auto chosen = choices(splitter, traffic);
  EXPECT_NEAR(part_of(chosen, 2), 0.1, 0.01);
  EXPECT_EQ(choices(splitter, traffic), chosen);
  TrafficSplitter other;  // another process, after a restart
  EXPECT_EQ(choices(other, traffic), chosen);
}

TEST(Traffic, AChangedShareMovesOnlyTheDifferenceAndOneWay) {
  TrafficSplitter splitter;
  const auto before = choices(splitter, shares({{1, 90}, {2, 10}}));
  const auto after = choices(splitter, shares({{1, 80}, {2, 20}}));
  int moved = 0;
  for (const auto& [user, version] : before) {
    if (after.at(user) == version) continue;
    ++moved;
    EXPECT_EQ(version, 1U) << user;
  }
  EXPECT_NEAR(moved, kUsers * 0.1, kUsers * 0.015);
}

TEST(Traffic, ANewVersionTakesFromTheOthersOnlyItsShare) {
  TrafficSplitter splitter;
  const auto before = choices(splitter, shares({{1, 50}, {2, 50}}));
  const auto after = choices(splitter, shares({{1, 45}, {2, 45}, {3, 10}}));
  for (const auto& [user, version] : before) {
    EXPECT_TRUE(after.at(user) == version || after.at(user) == 3U) << user;
  }
}

TEST(Traffic, AnEmptyValueIsNone) {
  TrafficSplitter splitter;
  std::map<std::uint32_t, int> counts;
  for (int i = 0; i < 1000; ++i) ++counts[splitter.choose(shares({{1, 50}, {2, 50}}), "")];
  EXPECT_EQ(counts.size(), 2U);
}

TEST(Traffic, ShadowsAreDrawnEachForItself) {
  TrafficSplitter splitter;
  TrafficEntry traffic = shares({{1, 100}});
  traffic.shadow = {{2, 100}, {3, 25}, {4, 0}};
  std::map<std::uint32_t, int> counts;
  for (int i = 0; i < kUsers; ++i) {
    for (const std::uint32_t version : splitter.shadows(traffic)) ++counts[version];
  }
  EXPECT_EQ(counts[2], kUsers);
  EXPECT_NEAR(counts[3], kUsers * 0.25, kUsers * 0.02);
  EXPECT_EQ(counts.count(4), 0U);
}

}  // namespace
}  // namespace onecopy::gateway
