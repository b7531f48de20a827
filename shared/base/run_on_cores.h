// Work that all cores share while a process starts: packing, checksums, huge pages.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <optional>

namespace onecopy {

// The items below `count`, each taken once, in rising order. Any thread may call it.
class SharedItems {
 public:
  explicit SharedItems(std::size_t count) : count_(count) {}
  // Nothing when there is none left.
  std::optional<std::size_t> take() {
    const std::size_t item = next_++;
    return item < count_ ? std::optional(item) : std::nullopt;
  }
  // Those not taken yet are taken by nobody.
  void drop_rest() { next_ = count_; }

 private:
  const std::size_t count_;
  std::atomic<std::size_t> next_ = 0;
};

// Calls work(items) at the same time on this thread and on others, at most one for each item and
// for each core that the process may use, and returns when every call has. work() takes items until
// there is none: where the system has no thread left, fewer call it. It must not throw.
void run_on_cores(std::size_t count, const std::function<void(SharedItems& items)>& work);

}  // namespace onecopy
