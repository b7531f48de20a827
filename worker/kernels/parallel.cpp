#include "worker/kernels/parallel.h"

#include <immintrin.h>

#include <system_error>
#include <utility>

namespace onecopy::worker::kernels {
namespace {

// About 20 to 50 microseconds: longer than the gaps between the products of a pass, shorter than
// what a colleague on an overcommitted machine would notice.
constexpr int kSpins = 1000;

constexpr unsigned kItemBits = 20;
constexpr std::uint64_t kItemMask = (std::uint64_t{1} << kItemBits) - 1;

constexpr std::uint64_t pack(std::uint64_t threads, std::uint64_t items) {
  return threads << (2 * kItemBits) | items << kItemBits;
}
constexpr std::uint64_t threads_of(std::uint64_t job) { return job >> (2 * kItemBits); }
constexpr std::uint64_t next_of(std::uint64_t job) { return job & kItemMask; }
constexpr std::uint64_t items_of(std::uint64_t job) { return job >> kItemBits & kItemMask; }

}  // namespace

ThreadPool::~ThreadPool() {
  stop_.store(true);
  generation_.fetch_add(1);
  generation_.notify_all();
  admit(threads_);
  for (std::thread& helper : helpers_) helper.join();
}

void ThreadPool::run_items(std::size_t items, Call call, const void* self) {
  const unsigned threads = granted();
  show_progress();
  if (threads == 1 || items <= 1) {
    for (std::size_t item = 0; item < items; ++item) {
      call(self, item, 0);
      show_progress();
    }
    return;
  }
  start_helpers(threads);
  call_ = call;
  self_ = self;
  done_.store(0, std::memory_order_relaxed);
  job_.store(pack(threads, items));
  admit(threads);
  generation_.fetch_add(1);
  generation_.notify_all();
  take_items(0);
  wait_until_done(static_cast<std::uint32_t>(items));
  throw_failure();
}

// Where the system has no thread left (a container's limit), those that are there do the work.
void ThreadPool::start_helpers(unsigned threads) {
  try {
    while (helpers_.size() + 1 < threads) {
      const auto thread = static_cast<unsigned>(helpers_.size()) + 1;
      helpers_.emplace_back([this, thread] { help(thread); });
    }
  } catch (const std::system_error&) {
  }
}

// Helpers that are not admitted wait for that alone, so that jobs do not wake them.
void ThreadPool::admit(unsigned threads) {
  if (admitted_.load(std::memory_order_relaxed) == threads) return;
  admitted_.store(threads);
  admitted_.notify_all();
}

void ThreadPool::help(unsigned thread) {
  std::uint32_t seen = 0;
  while (!stop_.load()) {
    take_items(thread);
    spin(thread, seen);
    const std::uint32_t admitted = admitted_.load();
    if (thread >= admitted) {
      admitted_.wait(admitted);
    } else {
      generation_.wait(seen);
    }
    seen = generation_.load();
  }
}

void ThreadPool::spin(unsigned thread, std::uint32_t seen) const {
  for (int i = 0; i < kSpins && in_pass_.load(std::memory_order_relaxed) && thread < granted() &&
                  generation_.load(std::memory_order_relaxed) == seen;
       ++i) {
    _mm_pause();
  }
}

void ThreadPool::take_items(unsigned thread) {
  std::uint64_t job = job_.load();
  while (thread < threads_of(job) && next_of(job) < items_of(job)) {
    if (!job_.compare_exchange_weak(job, job + 1)) continue;
    do_item(next_of(job), thread);
    if (thread == 0) show_progress();
    if (done_.fetch_add(1) + 1 == items_of(job)) done_.notify_one();
    job = job_.load();
  }
}

// A helper has nobody to catch what its item throws, and the caller must not leave while others work.
void ThreadPool::do_item(std::size_t item, unsigned thread) noexcept {
  try {
    call_(self_, item, thread);
  } catch (...) {
    if (!failed_.exchange(true)) failure_ = std::current_exception();
  }
}

void ThreadPool::throw_failure() {
  if (!failed_.exchange(false)) return;
  std::rethrow_exception(std::exchange(failure_, nullptr));
}

void ThreadPool::wait_until_done(std::uint32_t items) {
  for (int spin = 0; spin < kSpins && done_.load(std::memory_order_acquire) != items; ++spin) {
    _mm_pause();
  }
  for (std::uint32_t done = done_.load(); done != items; done = done_.load()) done_.wait(done);
}

}  // namespace onecopy::worker::kernels
