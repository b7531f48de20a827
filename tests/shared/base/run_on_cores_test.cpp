#include "shared/base/run_on_cores.h"

#include <gmock/gmock.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <vector>

#include "shared/base/cpu_count.h"

namespace onecopy {
namespace {

using testing::Each;

// How often each of the items was taken.
std::vector<int> take_all(std::size_t count) {
  std::vector<int> times(count, 0);
  run_on_cores(count, [&](SharedItems& items) {
    while (const auto item = items.take()) ++times[*item];
  });
  return times;
}

TEST(RunOnCores, EveryItemIsTakenOnce) {
  for (int turn = 0; turn < 100; ++turn) EXPECT_THAT(take_all(1000), Each(1));
}

TEST(RunOnCores, CallsAreAtMostThoseAskedForAndTheCores) {
  std::atomic<std::size_t> calls = 0;
  run_on_cores(1, [&](SharedItems&) { ++calls; });
  EXPECT_EQ(calls, 1U);
  calls = 0;
  run_on_cores(1000, [&](SharedItems&) { ++calls; });
  EXPECT_EQ(calls, usable_cores());
}

TEST(RunOnCores, DroppedItemsAreTakenByNobody) {
  SharedItems items(3);
  EXPECT_EQ(items.take(), 0U);
  items.drop_rest();
  EXPECT_EQ(items.take(), std::nullopt);
  EXPECT_EQ(items.take(), std::nullopt);
}

// Limits on processes count threads, and do not hold for root.
[[noreturn]] void take_all_without_another_thread() {
  const rlimit none{0, 0};
  if (::geteuid() == 0 && ::setuid(65534) != 0) ::_exit(2);
  if (::setrlimit(RLIMIT_NPROC, &none) != 0) ::_exit(3);
  std::atomic<int> calls = 0;
  run_on_cores(1000, [&](SharedItems&) { ++calls; });
  ::_exit(calls == 1 ? 0 : 4);
}

TEST(RunOnCores, WithoutAThreadLeftTheCallerDoesTheWork) {
  EXPECT_EXIT(take_all_without_another_thread(), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace onecopy
