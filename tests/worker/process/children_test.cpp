#include "worker/process/children.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <csignal>
#include <optional>

#include "shared/base/process.h"
#include "tests/shared/base/run_until.h"

namespace onecopy::worker {
namespace {

constexpr auto kLong = std::chrono::minutes(10);

class ChildrenTest : public testing::Test {
 protected:
  Result<Child*> start(std::function<int()> run) {
    return children_.start({.name = "", .keeps = {}, .run = std::move(run)},
                           [this](Child& child, int status) {
                             how_ = how_it_ended(status);
                             was_killed_ = child.was_killed();
                           });
  }
  static int sleep_for_ever() {
    for (;;) ::pause();
  }
  bool until_ended() {
    return run_until(*loop_, [&] { return how_.has_value(); });
  }

  char name_[1] = {0};
  char* argv_[2] = {name_, nullptr};
  std::unique_ptr<EventLoop> loop_ = EventLoop::create().value();
  Children children_{*loop_, argv_};
  std::optional<std::string> how_;
  bool was_killed_ = false;
};

TEST_F(ChildrenTest, TheEndOfEachIsTold) {
  ASSERT_TRUE(start([] { return 3; }));
  EXPECT_EQ(children_.count(), 1U);
  ASSERT_TRUE(until_ended());
  EXPECT_EQ(how_, "exit code 3");
  EXPECT_FALSE(was_killed_);
  EXPECT_EQ(children_.count(), 0U);
}

TEST_F(ChildrenTest, ACrashIsTold) {
  ASSERT_TRUE(start([] { return ::kill(::getpid(), SIGKILL); }));
  ASSERT_TRUE(until_ended());
  EXPECT_EQ(how_, "killed by signal 9");
  EXPECT_FALSE(was_killed_);
}

TEST_F(ChildrenTest, OneThatTakesTooLongIsKilled) {
  const auto child = start(sleep_for_ever);
  ASSERT_TRUE(child);
  (*child)->kill_after(Milliseconds(1));
  ASSERT_TRUE(until_ended());
  EXPECT_EQ(how_, "killed by signal 9");
  EXPECT_TRUE(was_killed_);
}

TEST_F(ChildrenTest, AllCanBeKilledAtOnceAndNobodyIsTold) {
  const auto stopped = start(sleep_for_ever);
  ASSERT_TRUE(stopped && start(sleep_for_ever) && start([] { return 0; }));
  const pid_t pid = (*stopped)->pid();
  ASSERT_EQ(::kill(pid, SIGSTOP), 0);
  (*stopped)->kill_after(kLong);
  children_.kill_all(kLong);
  EXPECT_EQ(::kill(pid, 0), -1);  // it is reaped
  int rounds = 0;
  run_until(*loop_, [&] { return ++rounds > 3; });
  EXPECT_FALSE(how_);
}

}  // namespace
}  // namespace onecopy::worker
