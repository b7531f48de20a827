#include "shared/segment/huge_pages.h"

#include <fcntl.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdint>

#include "shared/base/run_on_cores.h"

namespace onecopy {
namespace {

namespace ipc = boost::interprocess;

constexpr int kCollapse = 25;         // MADV_COLLAPSE, which the C library's headers may lack
constexpr std::size_t kStretch = 32;  // pages that a thread makes at once: one by one takes longer

// A descriptor as Boost.Interprocess asks for what it maps.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ipc::mapping_handle_t get_mapping_handle() const {
    return ipc::ipcdetail::mapping_handle_from_file_handle(fd_);
  }

 private:
  int fd_;
};

void unmap(char* begin, char* end) {
  if (begin < end) ::munmap(begin, static_cast<std::size_t>(end - begin));
}

}  // namespace

// In the middle of addresses that are reserved for it; what is left of them is given back.
ipc::mapped_region map_for_huge_pages(int fd, ipc::mode_t mode, std::size_t bytes) {
  const Descriptor object(fd);
  const std::size_t page = ipc::mapped_region::get_page_size();
  const std::size_t mapped = (bytes + page - 1) / page * page;
  void* const reserved = bytes < kHugePage
                             ? MAP_FAILED
                             : ::mmap(nullptr, mapped + kHugePage, PROT_NONE,
                                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (reserved == MAP_FAILED) return ipc::mapped_region(object, mode, 0, bytes);
  char* const begin = static_cast<char*>(reserved);
  char* const end = begin + mapped + kHugePage;
  const std::size_t beyond = reinterpret_cast<std::uintptr_t>(begin) % kHugePage;
  char* const at = begin + (kHugePage - beyond) % kHugePage;
  try {
    ipc::mapped_region region(object, mode, 0, bytes, at, MAP_FIXED);
    unmap(begin, at);
    unmap(at + mapped, end);
    return region;
  } catch (...) {
    unmap(begin, end);
    throw;
  }
}

// One small page first within each: where the file has none at all, the system does not look.
void take_huge_pages(int fd, const ipc::mapped_region& region) {
  const std::size_t pages = region.get_size() / kHugePage;
  if (pages == 0) return;
  for (std::size_t page = 0; page < pages; ++page) {
    if (::posix_fallocate(fd, static_cast<off_t>(page * kHugePage), 1) != 0) return;
  }
  auto* const begin = static_cast<char*>(region.get_address());
  const std::size_t stretches = (pages + kStretch - 1) / kStretch;
  run_on_cores(stretches, [&](SharedItems& items) {
    while (const auto stretch = items.take()) {
      const std::size_t first = *stretch * kStretch;
      const std::size_t count = std::min(kStretch, pages - first);
      ::madvise(begin + first * kHugePage, count * kHugePage, kCollapse);
    }
  });
}

}  // namespace onecopy
