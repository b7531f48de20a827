#include "host/supervise/instance_lock.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "shared/protocol/rendezvous.h"
#include "shared/segment/names.h"

namespace onecopy::host {
namespace {

std::string instance() { return "locktest-" + std::to_string(::getpid()); }

TEST(InstanceLock, OneHolderAtATimeAndTheErrorNamesIt) {
  EXPECT_FALSE(lives(instance()));
  auto first = lock_instance(instance());
  ASSERT_TRUE(first) << first.error().text;
  const auto second = lock_instance(instance());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kBusy);
  EXPECT_THAT(second.error().text, ::testing::HasSubstr(std::to_string(::getpid())));
  std::string_view who;
  EXPECT_TRUE(lives(instance(), &who));
  EXPECT_EQ(who, "host");
  first->reset();
  EXPECT_TRUE(lock_instance(instance()));
}

TEST(InstanceLock, ADeadHoldersLockIsFree) {
  const std::string ours = instance();  // the child's would be another
  const pid_t child = ::fork();
  if (child == 0) ::_exit(lock_instance(ours) ? 0 : 1);
  int status = -1;
  ::waitpid(child, &status, 0);
  ASSERT_EQ(status, 0);
  EXPECT_TRUE(lock_instance(ours));
}

TEST(InstanceLock, AnOrphanedGatewayIsSeen) {
  const auto gateway = listen_at(instance(), Role::kGateway);
  ASSERT_TRUE(gateway);
  std::string_view who;
  EXPECT_TRUE(lives(instance(), &who));
  EXPECT_EQ(who, "gateway");
}

TEST(InstanceLock, LeftoversAreThisInstancesSegmentsButThoseKept) {
  const std::string mine = format_segment_name({instance(), "qa0", 1, 7, false});
  const std::string kept = format_segment_name({instance(), "qa1", 1, 9, false});
  const std::string half = format_segment_name({instance(), "qa0", 1, 8, true});
  const std::string others = format_segment_name({instance() + "x", "qa0", 1, 7, false});
  for (const auto& name : {mine, kept, half, others})
    std::ofstream(shared_memory_path(name)) << "x";
  EXPECT_EQ(remove_leftovers(instance(), {kept}), 2U);
  EXPECT_FALSE(std::filesystem::exists(shared_memory_path(mine)));
  for (const auto& name : {kept, others}) {
    EXPECT_TRUE(std::filesystem::exists(shared_memory_path(name)));
    std::filesystem::remove(shared_memory_path(name));
  }
}

}  // namespace
}  // namespace onecopy::host
