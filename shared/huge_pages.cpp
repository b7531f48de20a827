#include "shared/huge_pages.h"

#include <fcntl.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <thread>
#include <vector>

#include "shared/cpu_count.h"

namespace onecopy {
namespace {

namespace ipc = boost::interprocess;

constexpr int kCollapse = 25;  // MADV_COLLAPSE, which the C library's headers may lack

constexpr std::uintptr_t round_up(std::uintptr_t value, std::uintptr_t to) {
  return (value + to - 1) / to * to;
}

void unmap(std::uintptr_t begin, std::uintptr_t end) {
  if (begin < end) ::munmap(reinterpret_cast<void*>(begin), end - begin);
}

}  // namespace

// In the middle of addresses that are reserved for it; what is left of them is given back.
ipc::mapped_region map_for_huge_pages(const ipc::shared_memory_object& object, ipc::mode_t mode,
                                      std::size_t bytes) {
  void* const reserved = bytes < kHugePage
                             ? MAP_FAILED
                             : ::mmap(nullptr, bytes + kHugePage, PROT_NONE,
                                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (reserved == MAP_FAILED) return ipc::mapped_region(object, mode, 0, bytes);
  const auto begin = reinterpret_cast<std::uintptr_t>(reserved);
  const std::uintptr_t end =
      round_up(begin + bytes + kHugePage, ipc::mapped_region::get_page_size());
  const std::uintptr_t at = round_up(begin, kHugePage);
  try {
    ipc::mapped_region region(object, mode, 0, bytes, reinterpret_cast<void*>(at), MAP_FIXED);
    unmap(begin, at);
    unmap(round_up(at + bytes, ipc::mapped_region::get_page_size()), end);
    return region;
  } catch (...) {
    unmap(begin, end);
    throw;
  }
}

// One small page first within each: where the file has none at all, the system does not look.
void take_huge_pages(int fd, const ipc::mapped_region& region) {
  const std::size_t pages = region.get_size() / kHugePage;
  for (std::size_t page = 0; page < pages; ++page) {
    if (::posix_fallocate(fd, static_cast<off_t>(page * kHugePage), 1) != 0) return;
  }
  auto* const begin = static_cast<char*>(region.get_address());
  const std::size_t threads = std::min<std::size_t>(pages, usable_cores());
  const auto collapse = [&](std::size_t thread) {
    const std::size_t first = pages * thread / threads;
    const std::size_t last = pages * (thread + 1) / threads;
    ::madvise(begin + first * kHugePage, (last - first) * kHugePage, kCollapse);
  };
  std::vector<std::jthread> helpers;
  for (std::size_t thread = 0; thread < threads; ++thread) helpers.emplace_back(collapse, thread);
}

}  // namespace onecopy
