#include "shared/base/small_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <string>

#include "shared/base/limits.h"
#include "tests/host/publish/test_folder.h"

namespace onecopy {
namespace {

ErrorCode error_of(const std::filesystem::path& path) {
  const auto read = read_small_file(path);
  EXPECT_FALSE(read);
  if (read) return ErrorCode::kSystem;
  EXPECT_NE(read.error().text.find(path.string()), std::string::npos) << read.error().text;
  return read.error().code;
}

TEST(SmallFile, IsReadByteForByte) {
  const host::TestFolder folder;
  const std::string bytes("a\0b\r\n\xff", 6);
  EXPECT_EQ(read_small_file(folder.write("file", bytes)).value(), bytes);
  EXPECT_EQ(read_small_file(folder.write("file", "")).value(), "");
}

TEST(SmallFile, WhatIsNoFileIsRefusedByName) {
  const host::TestFolder folder;
  EXPECT_EQ(error_of(folder.path() / "none"), ErrorCode::kNotFound);
  EXPECT_EQ(error_of(folder.path()), ErrorCode::kInvalidArgument);
  EXPECT_EQ(error_of(folder.write("file", "x") / "below"), ErrorCode::kInvalidArgument);
  ASSERT_EQ(::mkfifo((folder.path() / "pipe").c_str(), 0600), 0);
  EXPECT_EQ(error_of(folder.path() / "pipe"), ErrorCode::kInvalidArgument);
}

TEST(SmallFile, TooLargeIsRefusedUnread) {
  const host::TestFolder folder;
  const auto path = folder.write("file", "");
  std::filesystem::resize_file(path, limits::kJsonFileBytes + 1);
  EXPECT_EQ(error_of(path), ErrorCode::kTooLarge);
}

TEST(KernelFile, IsReadThoughItHasNoSize) {
  EXPECT_EQ(std::filesystem::file_size("/proc/self/status"), 0U);
  EXPECT_EQ(read_kernel_file("/proc/self/status").rfind("Name:", 0), 0U);
}

// The file of a process that ends between open and read, or that cannot be read for another reason.
TEST(KernelFile, IsEmptyWhereItCannotBeRead) {
  EXPECT_EQ(read_kernel_file("/proc/self/none"), "");
  EXPECT_EQ(read_kernel_file("/proc/self/mem"), "");  // can be opened; address 0 cannot be read
  EXPECT_EQ(read_kernel_file("/proc/self/task"), "");
}

}  // namespace
}  // namespace onecopy
