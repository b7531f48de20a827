// The thread pool: every item once, in any number of jobs; no thread before it is needed.
#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <latch>
#include <new>
#include <numeric>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "worker/kernels/parallel.h"

namespace onecopy::worker::kernels {
namespace {

std::set<std::string> threads() {
  std::set<std::string> ids;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    ids.insert(task.path().filename());
  }
  return ids;
}

// Not the difference of two counts: a thread that was joined may be listed for a moment.
std::ptrdiff_t started_since(const std::set<std::string>& before) {
  return std::ranges::count_if(threads(), [&](const auto& id) { return !before.contains(id); });
}

class ThreadPoolTest : public testing::TestWithParam<unsigned> {};

TEST_P(ThreadPoolTest, RunsEachItemOnceInManyJobs) {
  ThreadPool pool(GetParam());
  const ThreadPool::Pass pass(pool);
  for (std::size_t job = 0; job < 3000; ++job) {
    std::vector<int> times(job % 37, 0);
    pool.run(times.size(), [&](std::size_t item, unsigned thread) {
      ++times[item];
      if (thread >= pool.threads()) times[item] = -1;
    });
    ASSERT_THAT(times, testing::Each(1)) << "job " << job;
  }
}

TEST_P(ThreadPoolTest, WorksAlsoBetweenPasses) {
  ThreadPool pool(GetParam());
  std::size_t total = 0;
  for (int job = 0; job < 200; ++job) {
    std::atomic<std::size_t> sum = 0;
    pool.run(10, [&](std::size_t item, unsigned) { sum += item; });
    total += sum;
  }
  EXPECT_EQ(total, 200U * 45U);
}

TEST_P(ThreadPoolTest, WritesOfItemsAreSeenAfterRun) {
  ThreadPool pool(GetParam());
  std::vector<std::size_t> values(10'000);
  pool.run(100, [&](std::size_t item, unsigned) {
    for (std::size_t i = 0; i < 100; ++i) values[item * 100 + i] = item;
  });
  EXPECT_EQ(std::accumulate(values.begin(), values.end(), std::size_t{0}), 100U * 4950U);
}

INSTANTIATE_TEST_SUITE_P(Threads, ThreadPoolTest, testing::Values(1U, 2U, 3U, 8U));

// A body that runs out of memory must neither end the process from a helper nor leave others at work
// on what its caller owned; the next job is computed as ever.
TEST_P(ThreadPoolTest, WhatABodyThrowsComesOutOnceAllItemsAreDone) {
  ThreadPool pool(GetParam());
  constexpr std::size_t kItems = 64;
  for (int job = 0; job < 200; ++job) {
    std::vector<std::atomic<int>> times(kItems);
    const auto failing = [&](std::size_t item, unsigned) {
      ++times[item];
      if (item % 2 == 1) throw std::bad_alloc();
    };
    EXPECT_THROW(pool.run(kItems, failing), std::bad_alloc);
    if (GetParam() > 1) {
      for (const auto& time : times) ASSERT_EQ(time, 1) << "job " << job;
    }
    std::atomic<std::size_t> sum{0};
    pool.run(kItems, [&](std::size_t item, unsigned) { sum += item; });
    ASSERT_EQ(sum, kItems * (kItems - 1) / 2);
  }
}

TEST(ThreadPool, StartsNoThreadForOneItem) {
  const auto before = threads();
  ThreadPool pool(4);
  pool.run(1, [](std::size_t, unsigned) {});
  EXPECT_EQ(started_since(before), 0);
  pool.run(2, [](std::size_t, unsigned) {});
  EXPECT_GE(started_since(before), 3);  // a sanitizer may have started one of its own
}

TEST(ThreadPool, StartsNoMoreThreadsThanAreGranted) {
  const auto before = threads();
  std::atomic<std::uint32_t> grant = 1;
  ThreadPool pool(8, &grant);
  pool.run(100, [](std::size_t, unsigned) {});
  EXPECT_EQ(started_since(before), 0);
  grant = 3;
  pool.run(100, [](std::size_t, unsigned) {});
  EXPECT_GE(started_since(before), 2);
  EXPECT_LT(started_since(before), 7);
}

// Any number may come from the other process.
TEST(ThreadPool, AGrantIsAtLeastOneAndAtMostAll) {
  std::atomic<std::uint32_t> grant = 2;
  const ThreadPool pool(4, &grant);
  EXPECT_EQ(pool.granted(), 2U);
  grant = 0;
  EXPECT_EQ(pool.granted(), 1U);
  grant = 4'000'000'000;
  EXPECT_EQ(pool.granted(), 4U);
  EXPECT_EQ(pool.threads(), 4U);
  EXPECT_EQ(ThreadPool(3).granted(), 3U);
}

// Each item waits until all are taken, so it needs a thread for each.
TEST(ThreadPool, AsManyThreadsAsAreGrantedTakeItems) {
  std::atomic<std::uint32_t> grant = 0;
  ThreadPool pool(5, &grant);
  for (int round = 0; round < 200; ++round) {
    for (const unsigned threads : {5U, 2U, 4U, 1U, 3U}) {
      grant = threads;
      std::latch all(threads);
      std::vector<std::atomic<int>> times(5);
      pool.run(threads, [&](std::size_t, unsigned thread) {
        ++times[thread];
        all.arrive_and_wait();
      });
      for (unsigned thread = 0; thread < 5; ++thread) {
        ASSERT_EQ(times[thread], thread < threads ? 1 : 0) << threads << " threads granted";
      }
    }
  }
}

TEST(ThreadPool, WithAGrantOfOneTheCallerDoesAll) {
  std::atomic<std::uint32_t> grant = 4;
  ThreadPool pool(4, &grant);
  const ThreadPool::Pass pass(pool);
  const auto caller = std::this_thread::get_id();
  for (int job = 0; job < 1000; ++job) {
    grant = job % 2 == 0 ? 4 : 1;
    pool.run(50, [&](std::size_t, unsigned thread) {
      if (grant == 1) {
        EXPECT_EQ(thread, 0U);
        EXPECT_EQ(std::this_thread::get_id(), caller);
      }
    });
  }
}

TEST(ThreadPool, TheGrantMayChangeAtAnyMoment) {
  std::atomic<std::uint32_t> grant = 1;
  std::atomic<bool> stop = false;
  std::thread gateway([&] {
    for (std::uint32_t i = 0; !stop; ++i) {
      grant = i % 7;
      std::this_thread::yield();
    }
  });
  {
    ThreadPool pool(5, &grant);
    for (std::size_t job = 0; job < 3000; ++job) {
      std::optional<ThreadPool::Pass> pass;
      if (job % 3 != 0) pass.emplace(pool);
      std::vector<int> times(job % 37, 0);
      pool.run(times.size(), [&](std::size_t item, unsigned thread) {
        times[item] += thread < pool.threads() ? 1 : 100;
      });
      EXPECT_THAT(times, testing::Each(1)) << "job " << job;
    }
  }
  stop = true;
  gateway.join();
}

// How often a thread of this process has gone to sleep.
long sleeps_of(pid_t thread) {
  std::ifstream status("/proc/self/task/" + std::to_string(thread) + "/status");
  std::string name;
  while (status >> name && name != "voluntary_ctxt_switches:") {
  }
  long sleeps = -1;
  status >> sleeps;
  return sleeps;
}

TEST(ThreadPool, HelpersBeyondTheGrantSleepThroughAllJobs) {
  std::atomic<std::uint32_t> grant = 4;
  ThreadPool pool(4, &grant);
  std::array<pid_t, 4> ids{};
  std::latch all(4);
  pool.run(4, [&](std::size_t, unsigned thread) {
    ids[thread] = ::gettid();
    all.arrive_and_wait();
  });
  grant = 2;
  const long before = sleeps_of(ids[2]) + sleeps_of(ids[3]);
  for (int job = 0; job < 2000; ++job) {
    std::latch both(2);  // so that helper 1 has to come each time
    pool.run(2, [&](std::size_t, unsigned) { both.arrive_and_wait(); });
  }
  // Each goes to sleep after the job above, and may be woken once to see that it is not wanted.
  EXPECT_LE(sleeps_of(ids[2]) + sleeps_of(ids[3]) - before, 20);
}

TEST(ThreadPool, ZeroThreadsMeansTheCallerAlone) {
  ThreadPool pool(0);
  EXPECT_EQ(pool.threads(), 1U);
}

// What the nursery relies on: a pool that the parent made, but never ran with, works in the child.
TEST(ThreadPool, WorksInAForkedChild) {
  ThreadPool pool(3);
  const pid_t child = fork();
  if (child == 0) {
    std::atomic<std::size_t> sum = 0;
    pool.run(100, [&](std::size_t item, unsigned) { sum += item; });
    _exit(sum == 4950 ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace onecopy::worker::kernels
