#include "shared/base/event_loop.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <string>

#include "tests/shared/base/run_until.h"

namespace onecopy {
namespace {

UniqueFd make_event() { return UniqueFd(::eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK)); }

struct Counter final : EventHandler {
  void on_events(std::uint32_t /*events*/) override {
    ++calls;
    if (then) then();
  }
  int calls = 0;
  std::function<void()> then;
};

class EventLoopTest : public testing::Test {
 protected:
  std::unique_ptr<EventLoop> loop_ = EventLoop::create().value();
};

TEST_F(EventLoopTest, ReportsUntilItIsRemoved) {
  const UniqueFd event = make_event();
  Counter counter;
  ASSERT_TRUE(loop_->add(event.get(), EPOLLIN, counter));
  ASSERT_TRUE(run_until(*loop_, [&] { return counter.calls >= 2; }));
  loop_->remove(event.get());
  const int calls = counter.calls;
  int rounds = 0;
  ASSERT_TRUE(run_until(*loop_, [&] { return ++rounds > 3; }));
  EXPECT_EQ(counter.calls, calls);
}

TEST_F(EventLoopTest, WhatIsNoDescriptorIsAnError) {
  Counter counter;
  const UniqueFd event = make_event();
  const int closed = ::dup(event.get());
  ::close(closed);
  for (const int fd : {closed, -1}) {
    const Status added = loop_->add(fd, EPOLLIN, counter);
    ASSERT_FALSE(added);
    EXPECT_EQ(added.error().code, ErrorCode::kSystem);
  }
}

// Both are ready in one batch; the first handler closes the second's descriptor, and its number
// comes back at once for another handler.
TEST_F(EventLoopTest, AnEventOfADescriptorThatIsGoneReachesNobodyElse) {
  UniqueFd first = make_event();
  UniqueFd second = make_event();
  Counter one;
  Counter two;
  Counter reused;
  const UniqueFd silent(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  UniqueFd quiet;
  const auto replace = [&](UniqueFd& other) {
    if (quiet) return;
    const int number = other.get();
    loop_->remove(number);
    other.reset();
    quiet = UniqueFd(::dup3(silent.get(), number, O_CLOEXEC));
    ASSERT_EQ(quiet.get(), number);
    ASSERT_TRUE(loop_->add(number, EPOLLIN, reused));
  };
  one.then = [&] { replace(second); };
  two.then = [&] { replace(first); };
  ASSERT_TRUE(loop_->add(first.get(), EPOLLIN, one));
  ASSERT_TRUE(loop_->add(second.get(), EPOLLIN, two));
  ASSERT_TRUE(run_until(*loop_, [&] { return one.calls + two.calls >= 3; }));
  EXPECT_EQ(reused.calls, 0);
  EXPECT_TRUE(one.calls == 0 || two.calls == 0);
}

TEST_F(EventLoopTest, TimersFireInTheirOrderAndNotBeforeTheirTime) {
  std::string order;
  const auto start = Clock::now();
  Clock::time_point fired;
  Timer late(*loop_, [&] {
    order += 'b';
    fired = Clock::now();
  });
  Timer early(*loop_, [&] { order += 'a'; });
  Timer cleared(*loop_, [&] { order += 'x'; });
  late.set_after(Milliseconds(20));
  early.set_after(Milliseconds(1));
  cleared.set_after(Milliseconds(2));
  cleared.clear();
  ASSERT_TRUE(run_until(*loop_, [&] { return order.size() == 2; }));
  EXPECT_EQ(order, "ab");
  EXPECT_GE(fired - start, Milliseconds(20));
}

TEST_F(EventLoopTest, ATimerMayEndItselfInItsCall) {
  std::unique_ptr<Timer> timer;
  bool called = false;
  timer = std::make_unique<Timer>(*loop_, [&] {
    timer.reset();
    called = true;
  });
  timer->set_after(Milliseconds(0));
  EXPECT_TRUE(run_until(*loop_, [&] { return called; }));
}

TEST_F(EventLoopTest, ObjectsAreDisposedOfAfterTheCurrentCall) {
  const UniqueFd event = make_event();
  auto object = std::make_shared<int>(1);
  const std::weak_ptr<int> alive = object;
  bool alive_in_call = false;
  Counter counter;
  counter.then = [&] {
    loop_->remove(event.get());
    loop_->dispose(std::move(object));
    alive_in_call = !alive.expired();
  };
  ASSERT_TRUE(loop_->add(event.get(), EPOLLIN, counter));
  EXPECT_TRUE(run_until(*loop_, [&] { return counter.calls == 1 && alive.expired(); }));
  EXPECT_TRUE(alive_in_call);
}

TEST_F(EventLoopTest, MayRunAgainAfterAStop) {
  int runs = 0;
  for (int i = 0; i < 2; ++i) {
    loop_->run_soon([&] {
      ++runs;
      loop_->stop();
    });
    loop_->run();
  }
  EXPECT_EQ(runs, 2);
}

}  // namespace
}  // namespace onecopy
