#include "shared/base/restart_policy.h"

#include <gtest/gtest.h>

namespace onecopy {
namespace {

using namespace std::chrono_literals;

TEST(RestartPolicy, AtOnceAfterALongLifeAndLaterAfterEachShortOne) {
  RestartPolicy policy;
  EXPECT_EQ(policy.delay_after(10s), 0ms);
  EXPECT_EQ(policy.delay_after(1ms), 50ms);
  EXPECT_EQ(policy.delay_after(1ms), 100ms);
  for (int i = 0; i < 100; ++i) policy.delay_after(1ms);
  EXPECT_EQ(policy.delay_after(1ms), 500ms);
  EXPECT_EQ(policy.delay_after(10s), 0ms);
}

}  // namespace
}  // namespace onecopy
