#include "host/load/trials.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

namespace onecopy::host {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class TrialsTest : public testing::Test {
 protected:
  static HeldSegment::Pointer segment(const std::string& name,
                                      std::vector<HeldSegment::Pointer> lenders = {}) {
    auto held = std::make_shared<const HeldSegment>(name, UniqueFd(), std::move(lenders));
    held->leave_name();
    return held;
  }
  std::uint64_t start(const HeldSegment::Pointer& candidate,
                      const HeldSegment::Pointer& reference = nullptr) {
    return trials_.start(candidate, reference, [this](Result<double> result) { done_ = result; });
  }
  std::vector<std::string> sent_;
  std::optional<Result<double>> done_;
  Trials trials_{[this](const Json& message, int /*fd*/) {
    sent_.push_back(message["type"].get<std::string>() + " " +
                    message.value("name", message.value("candidate", "")));
  }};
};

TEST_F(TrialsTest, SendsWhatTheCandidateNeedsLendersFirst) {
  trials_.on_nursery_up();
  const auto base = segment("base");
  const auto id = start(segment("tuned", {base}), segment("f32", {base}));
  EXPECT_THAT(sent_,
              ElementsAre("trial_file base", "trial_file tuned", "trial_file f32", "trial tuned"));
  trials_.on_trial_done({{"id", id}, {"precision_error", 0.25}});
  ASSERT_TRUE(done_ && *done_);
  EXPECT_EQ(**done_, 0.25);
}

TEST_F(TrialsTest, AnErrorIsHandedOn) {
  trials_.on_nursery_up();
  const auto id = start(segment("a"));
  trials_.on_trial_done(
      {{"id", id}, {"error", "not finite"}, {"code", static_cast<unsigned>(ErrorCode::kCorrupt)}});
  ASSERT_TRUE(done_ && !*done_);
  EXPECT_EQ(done_->error().code, ErrorCode::kCorrupt);
}

TEST_F(TrialsTest, WaitsForANurseryAndGoesToTheNext) {
  const auto id = start(segment("a"));
  EXPECT_THAT(sent_, IsEmpty());
  trials_.on_nursery_up();
  trials_.on_nursery_down();
  trials_.on_nursery_up();
  EXPECT_THAT(sent_, ElementsAre("trial_file a", "trial a", "trial_file a", "trial a"));
  trials_.on_trial_done({{"id", id}});
  EXPECT_TRUE(done_ && *done_);
}

TEST_F(TrialsTest, ASegmentThatKillsNurseriesIsGivenUp) {
  start(segment("a"));
  for (int i = 0; i < 10 && !done_; ++i) {
    trials_.on_nursery_up();
    trials_.on_nursery_down();
  }
  ASSERT_TRUE(done_ && !*done_);
}

TEST_F(TrialsTest, ACancelledOneSaysNothing) {
  trials_.on_nursery_up();
  const auto id = start(segment("a"));
  trials_.cancel(id);
  EXPECT_EQ(sent_.back(), "trial_cancel ");
  trials_.on_trial_done({{"id", id}});
  EXPECT_FALSE(done_);
}

}  // namespace
}  // namespace onecopy::host
