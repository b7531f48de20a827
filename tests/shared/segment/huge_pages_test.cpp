#include "shared/segment/huge_pages.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <boost/interprocess/shared_memory_object.hpp>
#include <charconv>
#include <cstring>
#include <fstream>
#include <span>
#include <string>

#include "shared/base/unique_fd.h"

namespace onecopy {
namespace {

namespace ipc = boost::interprocess;

class HugePages : public testing::Test {
 protected:
  static constexpr std::size_t kBytes = 2 * kHugePage + 12345;

  ~HugePages() override { ipc::shared_memory_object::remove(name_.c_str()); }

  ipc::mapped_region writable(std::size_t bytes) {
    object_ = ipc::shared_memory_object(ipc::create_only, name_.c_str(), ipc::read_write);
    object_.truncate(static_cast<ipc::offset_t>(bytes));
    return map_for_huge_pages(object_.get_mapping_handle().handle, ipc::read_write, bytes);
  }
  ipc::mapped_region readable(std::size_t bytes) const {
    const ipc::shared_memory_object object(ipc::open_only, name_.c_str(), ipc::read_only);
    return map_for_huge_pages(object.get_mapping_handle().handle, ipc::read_only, bytes);
  }

  const std::string name_ = "onecopy-huge-pages-test-" + std::to_string(::getpid());
  ipc::shared_memory_object object_;
};

std::span<unsigned char> bytes_of(const ipc::mapped_region& region) {
  return {static_cast<unsigned char*>(region.get_address()), region.get_size()};
}

// msync refuses addresses that nothing is mapped to.
bool is_mapped(char* page) {
  return ::msync(page, ipc::mapped_region::get_page_size(), MS_ASYNC) == 0;
}

// KB that the region maps as huge pages, as the system counts them.
std::size_t huge_kb(const ipc::mapped_region& region) {
  char begin[32];
  const auto end = std::to_chars(std::begin(begin), std::end(begin),
                                 reinterpret_cast<std::uintptr_t>(region.get_address()), 16);
  const std::string start = std::string(begin, end.ptr) + "-";
  constexpr std::string_view kField = "ShmemPmdMapped:";
  std::ifstream smaps("/proc/self/smaps");
  bool found = false;
  for (std::string line; std::getline(smaps, line);) {
    if (line.starts_with(start)) found = true;
    if (found && line.starts_with(kField)) return std::stoul(line.substr(kField.size()));
  }
  ADD_FAILURE() << "no mapping at " << start;
  return 0;
}

// errno of making one huge page in a new file; 0: it can.
int collapse_one() {
  constexpr int kCollapse = 25;  // MADV_COLLAPSE
  const std::string path = "/dev/shm/onecopy-huge-pages-probe-" + std::to_string(::getpid());
  const UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!fd) return errno;
  ::unlink(path.c_str());
  if (::ftruncate(fd.get(), kHugePage) != 0) return errno;
  void* const room =
      ::mmap(nullptr, 2 * kHugePage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (room == MAP_FAILED) return errno;
  const auto begin = reinterpret_cast<std::uintptr_t>(room);
  auto* const at = static_cast<char*>(room) + (kHugePage - begin % kHugePage) % kHugePage;
  void* const page =
      ::mmap(at, kHugePage, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd.get(), 0);
  int error = page == MAP_FAILED ? errno : ::posix_fallocate(fd.get(), 0, 1);
  if (error == 0 && ::madvise(page, kHugePage, kCollapse) != 0) error = errno;
  ::munmap(room, 2 * kHugePage);
  return error;
}

TEST_F(HugePages, AMappingBeginsWhereAHugePageMay) {
  const ipc::mapped_region region = writable(kBytes);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(region.get_address()) % kHugePage, 0U);
  EXPECT_EQ(region.get_size(), kBytes);
  auto* const begin = static_cast<char*>(region.get_address());
  const std::size_t page = ipc::mapped_region::get_page_size();
  char* const end = begin + (kBytes + page - 1) / page * page;
  EXPECT_TRUE(is_mapped(end - page));
  EXPECT_FALSE(is_mapped(end));  // nothing stays reserved behind it
}

TEST_F(HugePages, AreZeroAndOneMemoryForAllMappings) {
  const ipc::mapped_region region = writable(kBytes);
  const auto bytes = bytes_of(region);
  take_huge_pages(object_.get_mapping_handle().handle, region);
  EXPECT_EQ(std::ranges::count(bytes, 0), static_cast<std::ptrdiff_t>(kBytes));
  for (const std::size_t at : {std::size_t{0}, kHugePage - 1, kHugePage, kBytes - 1}) {
    bytes[at] = static_cast<unsigned char>(at % 251 + 1);
  }
  const ipc::mapped_region other = readable(kBytes);
  EXPECT_TRUE(std::ranges::equal(bytes_of(other), bytes));
}

// What the system can do is tried without our code: one huge page of a file of its own, at an
// address that fits.
TEST_F(HugePages, AreTakenWhereTheSystemHasThem) {
  if (const int error = collapse_one(); error != 0)
    GTEST_SKIP() << "the system makes no huge pages in /dev/shm: " << std::strerror(error);
  const ipc::mapped_region region = writable(kBytes);
  take_huge_pages(object_.get_mapping_handle().handle, region);
  EXPECT_EQ(huge_kb(region), 2 * kHugePage / 1024);
  const ipc::mapped_region other = readable(kBytes);
  // Page tables fill at the first use.
  EXPECT_EQ(std::ranges::count(bytes_of(other), 0), static_cast<std::ptrdiff_t>(kBytes));
  EXPECT_EQ(huge_kb(other), 2 * kHugePage / 1024);
}

TEST_F(HugePages, AFileSmallerThanOneIsMappedToo) {
  const ipc::mapped_region region = writable(5000);
  take_huge_pages(object_.get_mapping_handle().handle, region);
  bytes_of(region)[4999] = 7;
  EXPECT_EQ(bytes_of(readable(5000))[4999], 7);
}

// As where the system has none to give.
TEST_F(HugePages, WithoutThemTheMappingIsAsGood) {
  const ipc::mapped_region region = writable(kBytes);
  take_huge_pages(-1, region);
  bytes_of(region)[kBytes - 1] = 7;
  EXPECT_EQ(bytes_of(readable(kBytes))[kBytes - 1], 7);
}

}  // namespace
}  // namespace onecopy
