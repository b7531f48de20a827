#include "shared/run_on_cores.h"

#include <gmock/gmock.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <vector>

#include "shared/cpu_count.h"

namespace onecopy {
namespace {

using testing::Each;

// How often each of the items was taken.
std::vector<int> take_all(std::size_t items, std::size_t most) {
  std::vector<int> times(items, 0);
  std::atomic<std::size_t> next = 0;
  run_on_cores(most, [&] {
    for (std::size_t i = next++; i < items; i = next++) ++times[i];
  });
  return times;
}

TEST(RunOnCores, EveryItemIsTakenOnce) {
  for (int turn = 0; turn < 100; ++turn) EXPECT_THAT(take_all(1000, 1000), Each(1));
}

TEST(RunOnCores, CallsAreAtMostThoseAskedForAndTheCores) {
  std::atomic<std::size_t> calls = 0;
  run_on_cores(1, [&] { ++calls; });
  EXPECT_EQ(calls, 1U);
  calls = 0;
  run_on_cores(1000, [&] { ++calls; });
  EXPECT_EQ(calls, usable_cores());
}

// Limits on processes count threads, and do not hold for root.
[[noreturn]] void take_all_without_another_thread() {
  const rlimit none{0, 0};
  if (::geteuid() == 0 && ::setuid(65534) != 0) ::_exit(2);
  if (::setrlimit(RLIMIT_NPROC, &none) != 0) ::_exit(3);
  std::atomic<int> calls = 0;
  run_on_cores(1000, [&] { ++calls; });
  ::_exit(calls == 1 ? 0 : 4);
}

TEST(RunOnCores, WithoutAThreadLeftTheCallerDoesTheWork) {
  EXPECT_EXIT(take_all_without_another_thread(), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace onecopy
