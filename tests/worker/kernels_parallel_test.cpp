// The thread pool: every item once, in any number of jobs; no thread before it is needed.
#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <numeric>
#include <vector>

#include "worker/kernels/parallel.h"

namespace onecopy::worker::kernels {
namespace {

long thread_count() {
  const std::filesystem::directory_iterator tasks("/proc/self/task");
  return std::distance(begin(tasks), end(tasks));
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

TEST(ThreadPool, StartsNoThreadForOneItem) {
  const long before = thread_count();
  ThreadPool pool(4);
  pool.run(1, [](std::size_t, unsigned) {});
  EXPECT_EQ(thread_count(), before);
  pool.run(2, [](std::size_t, unsigned) {});
  EXPECT_GE(thread_count(), before + 3);  // a sanitizer may have started one of its own
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
