#include "shared/base/memory_file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>

namespace onecopy {
namespace {

using testing::HasSubstr;

constexpr std::size_t kMost = 1u << 20;

TEST(MemoryFile, GivesItsBytesAsOftenAsAsked) {
  for (const std::size_t bytes : {std::size_t{0}, std::size_t{1}, std::size_t{300'000}}) {
    const std::string text(bytes, 'x');
    const auto file = make_memory_file("test", text);
    ASSERT_TRUE(file) << file.error().text;
    EXPECT_EQ(read_memory_file(file->get(), kMost), text);
    EXPECT_EQ(read_memory_file(file->get(), bytes), text);
  }
}

TEST(MemoryFile, NobodyCanChangeIt) {
  const auto file = make_memory_file("test", "bytes");
  ASSERT_TRUE(file);
  EXPECT_EQ(::pwrite(file->get(), "x", 1, 0), -1);
  EXPECT_EQ(::ftruncate(file->get(), 1), -1);
  EXPECT_EQ(::mmap(nullptr, 5, PROT_WRITE, MAP_SHARED, file->get(), 0), MAP_FAILED);
  EXPECT_NE(::fcntl(file->get(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST(MemoryFile, OverTheLimitIsRefused) {
  const auto file = make_memory_file("test", "12345");
  ASSERT_TRUE(file);
  const auto text = read_memory_file(file->get(), 4);
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(text.error().text, HasSubstr("5 bytes, at most 4"));
}

void expect_refused(int fd) {
  const auto text = read_memory_file(fd, kMost);
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().code, ErrorCode::kCorrupt);
}

TEST(MemoryFile, WhatCouldChangeWhileItIsReadIsRefused) {
  const UniqueFd open(::memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  ASSERT_EQ(::write(open.get(), "bytes", 5), 5);
  expect_refused(open.get());
  ASSERT_EQ(::fcntl(open.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW), 0);
  expect_refused(open.get());
}

TEST(MemoryFile, OtherKindsOfFilesAreRefused) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const UniqueFd reading(ends[0]);
  const UniqueFd writing(ends[1]);
  expect_refused(reading.get());
  const UniqueFd program(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  expect_refused(program.get());
  expect_refused(-1);
}

// Systems with vm.memfd_noexec put a seal of their own on every memory file.
TEST(MemoryFile, FurtherSealsDoNoHarm) {
  constexpr unsigned kNoexecSeal = 0x0008U;  // MFD_NOEXEC_SEAL, since Linux 6.3
  const UniqueFd file(::memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING | kNoexecSeal));
  if (!file) GTEST_SKIP() << "this kernel has no such seal";
  ASSERT_EQ(::write(file.get(), "bytes", 5), 5);
  ASSERT_EQ(
      ::fcntl(file.get(), F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE),
      0);
  EXPECT_EQ(read_memory_file(file.get(), kMost), "bytes");
}

}  // namespace
}  // namespace onecopy
