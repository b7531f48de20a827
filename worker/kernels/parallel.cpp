#include "worker/kernels/parallel.h"

#include <immintrin.h>

namespace onecopy::worker::kernels {
namespace {

// About 20 to 50 microseconds: longer than the gaps between the products of a pass, shorter than
// what a colleague on an overcommitted machine would notice.
constexpr int kSpins = 1000;

constexpr unsigned kItemBits = 20;
constexpr std::uint64_t kItemMask = (std::uint64_t{1} << kItemBits) - 1;

constexpr std::uint64_t pack(std::uint64_t generation, std::uint64_t items) {
  return generation << (2 * kItemBits) | items << kItemBits;
}
constexpr std::uint64_t next_of(std::uint64_t job) { return job & kItemMask; }
constexpr std::uint64_t items_of(std::uint64_t job) { return job >> kItemBits & kItemMask; }

}  // namespace

ThreadPool::~ThreadPool() {
  stop_.store(true);
  generation_.fetch_add(1);
  generation_.notify_all();
  for (std::thread& helper : helpers_) helper.join();
}

void ThreadPool::run_items(std::size_t items, Call call, const void* self) {
  if (threads_ == 1 || items <= 1) {
    for (std::size_t item = 0; item < items; ++item) call(self, item, 0);
    return;
  }
  if (helpers_.empty()) start_helpers();
  call_ = call;
  self_ = self;
  done_.store(0, std::memory_order_relaxed);
  const std::uint32_t generation = generation_.load(std::memory_order_relaxed) + 1;
  job_.store(pack(generation & 0xFFFFFF, items));
  generation_.store(generation);
  generation_.notify_all();
  take_items(0);
  wait_until_done(static_cast<std::uint32_t>(items));
}

void ThreadPool::start_helpers() {
  helpers_.reserve(threads_ - 1);
  for (unsigned thread = 1; thread < threads_; ++thread) {
    helpers_.emplace_back([this, thread] { help(thread); });
  }
}

void ThreadPool::help(unsigned thread) {
  std::uint32_t seen = 0;
  while (!stop_.load()) {
    take_items(thread);
    for (int spin = 0; spin < kSpins && in_pass_.load(std::memory_order_relaxed) &&
                       generation_.load(std::memory_order_relaxed) == seen;
         ++spin) {
      _mm_pause();
    }
    generation_.wait(seen);
    seen = generation_.load();
  }
}

void ThreadPool::take_items(unsigned thread) {
  std::uint64_t job = job_.load();
  while (next_of(job) < items_of(job)) {
    if (!job_.compare_exchange_weak(job, job + 1)) continue;
    call_(self_, next_of(job), thread);
    if (done_.fetch_add(1) + 1 == items_of(job)) done_.notify_one();
    job = job_.load();
  }
}

void ThreadPool::wait_until_done(std::uint32_t items) {
  for (int spin = 0; spin < kSpins && done_.load(std::memory_order_acquire) != items; ++spin) {
    _mm_pause();
  }
  for (std::uint32_t done = done_.load(); done != items; done = done_.load()) done_.wait(done);
}

}  // namespace onecopy::worker::kernels
