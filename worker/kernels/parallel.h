// The threads of a forward pass: the only place where worker code starts any.
//
// Why not OpenMP: the nursery forks, and a child of a process that once ran a region of several
// OpenMP threads hangs; libtorch brings a libgomp of its own besides the system's; and its threads
// spin while idle.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <thread>
#include <type_traits>
#include <vector>

namespace onecopy::worker::kernels {

// Class ThreadPool: owns threads - 1 helpers; the caller is the remaining one. Helpers start at the
// first run() of more than one item and sleep in the kernel between passes. One caller at a time.
class ThreadPool {
 public:
  static constexpr std::size_t kMaxItems = (1U << 20) - 1;

  explicit ThreadPool(unsigned threads) : threads_(threads == 0 ? 1 : threads) {}
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  unsigned threads() const { return threads_; }

  // Calls body(item, thread) for each item below `items` (at most kMaxItems), thread < threads(),
  // and returns when all are done. Items are taken in ascending order by whoever is free, so uneven
  // items and a thread that loses its core cost little. body must not throw.
  template <class Body>
  void run(std::size_t items, Body&& body) {
    using Plain = std::remove_reference_t<Body>;
    const auto call = [](const void* self, std::size_t item, unsigned thread) {
      (*const_cast<Plain*>(static_cast<const Plain*>(self)))(item, thread);
    };
    run_items(items, call, &body);
  }

  // While a Pass lives, helpers without work look for it for some microseconds before they sleep:
  // the next product follows at once. Outside of one they sleep straight away.
  class Pass {
   public:
    explicit Pass(ThreadPool& pool) : pool_(pool) { pool_.in_pass_.store(true); }
    ~Pass() { pool_.in_pass_.store(false); }
    Pass(const Pass&) = delete;
    Pass& operator=(const Pass&) = delete;

   private:
    ThreadPool& pool_;
  };

 private:
  using Call = void (*)(const void* self, std::size_t item, unsigned thread);
  void run_items(std::size_t items, Call call, const void* self);
  void start_helpers();
  void help(unsigned thread);
  // Works on the current job's items until none is left to take.
  void take_items(unsigned thread);
  void wait_until_done(std::uint32_t items);

  const unsigned threads_;
  std::vector<std::thread> helpers_;
  // Generation (24 bits), items (20), next item (20) in one word: an item is taken by one compare
  // and swap that fails when the job is another one or used up, so a helper that wakes late never
  // delays a job.
  std::atomic<std::uint64_t> job_{0};
  std::atomic<std::uint32_t> done_{0};
  std::atomic<std::uint32_t> generation_{0};  // what sleeping helpers wait on
  std::atomic<bool> in_pass_{false};
  std::atomic<bool> stop_{false};
  // Of the current job; written only while no item is in flight.
  Call call_ = nullptr;
  const void* self_ = nullptr;
};

}  // namespace onecopy::worker::kernels
