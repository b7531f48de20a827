#include "shared/base/format_bytes.h"

#include <gtest/gtest.h>

namespace onecopy {
namespace {

TEST(FormatBytes, ChoosesTheUnit) {
  EXPECT_EQ(format_bytes(0), "0 B");
  EXPECT_EQ(format_bytes(999), "999 B");
  EXPECT_EQ(format_bytes(1000), "1.0 kB");
  EXPECT_EQ(format_bytes(438'012'345), "438.0 MB");
  EXPECT_EQ(format_bytes(1'340'000'000), "1.34 GB");
  EXPECT_EQ(format_bytes(UINT64_MAX), "18446744.07 TB");
}

}  // namespace
}  // namespace onecopy
