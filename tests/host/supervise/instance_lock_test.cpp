#include "host/supervise/instance_lock.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <optional>

#include "shared/segment/names.h"

namespace onecopy::host {
namespace {

std::string instance() { return "locktest-" + std::to_string(::getpid()); }
std::string lock_path() { return shared_memory_path(format_lock_name(instance())); }

TEST(InstanceLock, OneHolderAtATime) {
  auto first = InstanceLock::acquire(instance());
  ASSERT_TRUE(first) << first.error().text;
  const auto second = InstanceLock::acquire(instance());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kBusy);
  EXPECT_THAT(second.error().text, ::testing::HasSubstr(std::to_string(::getpid())));
}

TEST(InstanceLock, ReleaseRemovesTheFileAndLetsTheNextIn) {
  std::optional<Result<InstanceLock>> lock(InstanceLock::acquire(instance()));
  ASSERT_TRUE(lock->has_value());
  EXPECT_TRUE(std::filesystem::exists(lock_path()));
  lock.reset();
  EXPECT_FALSE(std::filesystem::exists(lock_path()));
  EXPECT_TRUE(InstanceLock::acquire(instance()));
}

TEST(InstanceLock, ADeadHoldersLockIsFree) {
  const std::string ours = instance();  // the child's would be another
  const pid_t child = ::fork();
  if (child == 0) {
    const auto lock = InstanceLock::acquire(ours);
    ::_exit(lock ? 0 : 1);  // without the destructor, as a killed process
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  ASSERT_EQ(status, 0);
  ASSERT_TRUE(std::filesystem::exists(lock_path()));
  EXPECT_TRUE(InstanceLock::acquire(instance()));
}

TEST(InstanceLock, LeftoversAreThisInstancesSegments) {
  const std::string mine = format_segment_name({instance(), "qa0", 1, 7, false});
  const std::string half = format_segment_name({instance(), "qa0", 1, 8, true});
  const std::string others = format_segment_name({instance() + "x", "qa0", 1, 7, false});
  for (const auto& name : {mine, half, others}) std::ofstream(shared_memory_path(name)) << "x";
  const auto lock = InstanceLock::acquire(instance());
  ASSERT_TRUE(lock);
  EXPECT_THAT(lock->remove_leftovers(), ::testing::UnorderedElementsAre(mine, half));
  EXPECT_FALSE(std::filesystem::exists(shared_memory_path(mine)));
  EXPECT_TRUE(std::filesystem::exists(shared_memory_path(others)));
  std::filesystem::remove(shared_memory_path(others));
}

}  // namespace
}  // namespace onecopy::host
