#include "host/load/load_job.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "shared/segment/names.h"

namespace onecopy::host {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Forks real children; the loop stops when the load is done.
class LoadJobTest : public testing::Test, public LoadJob::Events {
 protected:
  LoadJobTest() : loop_(std::move(*EventLoop::create())), reaper_(*loop_) {}
  ~LoadJobTest() override { outcome_.reset(); }

  void on_progress(std::uint64_t done, std::uint64_t total) override {
    ++progress_;
    EXPECT_LE(done, total);
  }
  void on_compare(HeldSegment::Pointer reference, HeldSegment::Pointer candidate) override {
    EXPECT_TRUE(reference && candidate);
    job_->compared(0.5);
  }
  void on_done(Result<LoadOutcome> outcome) override {
    outcome_ = std::move(outcome);
    loop_->stop();
  }
  void begin(const LoadJob::Body& body = run_loader) {
    job_.emplace(*loop_, reaper_, *this, order_);
    ASSERT_TRUE(job_->start(body));
  }
  const Error& error() { return outcome_->error(); }
  std::vector<std::string> names() const { return list_segments(order_.instance); }

  std::unique_ptr<EventLoop> loop_;
  Reaper reaper_;
  LoadOrder order_{
      .source = {.name = "qa", .folder = ONECOPY_SOURCE_DIR "/tests/golden/models/tiny-bert-qa"},
      .instance = "loadtest-" + std::to_string(::getpid()),
      .generation = 7,
      .arithmetic = {},
      .live = {}};
  std::optional<LoadJob> job_;
  std::optional<Result<LoadOutcome>> outcome_;
  int progress_ = 0;
};

TEST_F(LoadJobTest, AModelIsPublishedAndHeldByDescriptor) {
  begin();
  loop_->run();
  ASSERT_TRUE(*outcome_) << error().text;
  EXPECT_GT((*outcome_)->segment->bytes(), 1000U);
  EXPECT_EQ((*outcome_)->precision, "f32");
  EXPECT_EQ((*outcome_)->task, "question-answering");
  EXPECT_THAT(names(), ::testing::ElementsAre((*outcome_)->segment->name()));
  outcome_.reset();
  EXPECT_THAT(names(), IsEmpty());
}

TEST_F(LoadJobTest, ABrokenFolderIsTheLoadersError) {
  order_.source.folder = "/nowhere/at/all";
  begin();
  loop_->run();
  ASSERT_FALSE(*outcome_);
  EXPECT_THAT(error().text, HasSubstr("model qa"));
}

TEST_F(LoadJobTest, ACrashIsAnErrorThatSaysHowItEnded) {
  begin([](const LoadOrder&, int) -> int {
    ::raise(SIGKILL);
    return 0;
  });
  loop_->run();
  ASSERT_FALSE(*outcome_);
  EXPECT_THAT(error().text, HasSubstr("killed by signal 9"));
}

TEST_F(LoadJobTest, AnEndWithoutAWordIsAnError) {
  begin([](const LoadOrder&, int) { return 3; });
  loop_->run();
  ASSERT_FALSE(*outcome_);
  EXPECT_THAT(error().text, HasSubstr("exit code 3"));
}

TEST_F(LoadJobTest, NonsenseIsAnErrorAndEndsTheChild) {
  begin([](const LoadOrder&, int channel) {
    (void)send_message(channel, std::as_bytes(std::span("{not JSON")));
    for (;;) ::pause();
    return 0;
  });
  loop_->run();
  ASSERT_FALSE(*outcome_);
}

TEST_F(LoadJobTest, CancelKillsTheChildAndNothingIsLeft) {
  begin([](const LoadOrder& order, int channel) {
    for (const bool loading : {true, false}) {
      const SegmentName name{order.instance, "qa", 1, order.generation, loading};
      std::ofstream(shared_memory_path(format_segment_name(name))) << "half";
    }
    (void)send_control(channel, {{"type", "progress"}, {"done", 1}, {"total", 2}});
    for (;;) ::pause();
    return 0;
  });
  Timer look(*loop_, [&] {
    if (progress_ == 0) return look.set_after(Milliseconds(1));
    EXPECT_EQ(names().size(), 2U);
    job_->cancel("nobody wants it");
  });
  look.set_after(Milliseconds(1));
  loop_->run();
  ASSERT_FALSE(*outcome_);
  EXPECT_EQ(error().text, "nobody wants it");
  EXPECT_THAT(names(), IsEmpty());
}

TEST_F(LoadJobTest, TheChildIsBoundAndAlone) {
  begin([](const LoadOrder&, int channel) {
    // Its own group, no other descriptors, and no more memory than allowed.
    const bool alone = ::getpgid(0) == ::getpid();
    std::size_t open = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
      if (!entry.path().filename().empty()) ++open;
    }
    const std::string text = fmt::format("{} {}", alone, open);
    (void)send_control(channel, {{"type", "failed"}, {"code", 7}, {"text", text}});
    return 0;
  });
  loop_->run();
  ASSERT_FALSE(*outcome_);
  EXPECT_EQ(error().text, "true 5");  // three standard ones, the channel, the listing's own
}

TEST_F(LoadJobTest, AutoAsksForAComparison) {
  order_.source.precision = PrecisionChoice::kAuto;
  order_.arithmetic.int8_speedup = 1;
  begin();
  loop_->run();
  // Half the largest logit away in every precision: it stays f32.
  ASSERT_TRUE(*outcome_) << error().text;
  EXPECT_EQ((*outcome_)->precision, "f32");
  EXPECT_EQ(names().size(), 1U);
}

}  // namespace
}  // namespace onecopy::host
