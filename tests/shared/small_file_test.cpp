#include "shared/small_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "shared/limits.h"

namespace onecopy {
namespace {

class SmallFile : public testing::Test {
 protected:
  SmallFile() {
    std::string name = testing::TempDir() + "onecopy-small-file-XXXXXX";
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  ~SmallFile() override { std::filesystem::remove_all(folder_); }
  std::filesystem::path write(const std::string& bytes) const {
    std::ofstream(folder_ / "file", std::ios::binary) << bytes;
    return folder_ / "file";
  }
  ErrorCode error_of(const std::filesystem::path& path) const {
    const auto read = read_small_file(path);
    EXPECT_FALSE(read);
    if (read) return ErrorCode::kSystem;
    EXPECT_NE(read.error().text.find(path.string()), std::string::npos) << read.error().text;
    return read.error().code;
  }
  std::filesystem::path folder_;
};

TEST_F(SmallFile, IsReadByteForByte) {
  const std::string bytes("a\0b\r\n\xff", 6);
  EXPECT_EQ(read_small_file(write(bytes)).value(), bytes);
  EXPECT_EQ(read_small_file(write("")).value(), "");
}

TEST_F(SmallFile, WhatIsNoFileIsRefusedByName) {
  EXPECT_EQ(error_of(folder_ / "none"), ErrorCode::kNotFound);
  EXPECT_EQ(error_of(folder_), ErrorCode::kInvalidArgument);
  EXPECT_EQ(error_of(write("x") / "below"), ErrorCode::kInvalidArgument);
  ASSERT_EQ(::mkfifo((folder_ / "pipe").c_str(), 0600), 0);
  EXPECT_EQ(error_of(folder_ / "pipe"), ErrorCode::kInvalidArgument);
}

TEST_F(SmallFile, TooLargeIsRefusedUnread) {
  const auto path = write("");
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
