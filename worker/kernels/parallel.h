// The threads of a forward pass: the only place where worker code starts any.
//
// Why not OpenMP: the nursery forks, and a child of a process that once ran a region of several
// OpenMP threads hangs; libtorch brings a libgomp of its own besides the system's; and its threads
// spin while idle.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <thread>
#include <type_traits>
#include <vector>

namespace onecopy::worker::kernels {

// Class ThreadPool: owns up to threads - 1 helpers; the caller is the remaining one. Helpers start
// at the first run() of more than one item that may use them, and sleep in the kernel between
// passes. One caller at a time.
//
// How many threads a run may use can change at any moment: the cores that idle workers leave are
// lent, and taken back when those have work again. A run goes by the number that it found at its
// start.
class ThreadPool {
 public:
  static constexpr std::size_t kMaxItems = (1U << 20) - 1;

  // `grant`: how many threads may be used now; another process may write anything into it at any
  // time. Borrowed; null: all. `progress` is counted up while the pool works, for another process
  // to see that it does; borrowed, may be null.
  explicit ThreadPool(unsigned threads, const std::atomic<std::uint32_t>* grant = nullptr,
                      std::atomic<std::uint32_t>* progress = nullptr)
      : threads_(threads == 0 ? 1 : threads), grant_(grant), progress_(progress) {}
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  unsigned threads() const { return threads_; }  // at most; what is kept per thread needs as many
  // What the next run() will use, unless it changes until then: for how to cut the work.
  unsigned granted() const {
    if (grant_ == nullptr) return threads_;
    return std::clamp(grant_->load(std::memory_order_relaxed), 1U, threads_);
  }

  // Counts the progress up by one; run() does so at its start and with each item of the caller's.
  // Only from the thread that calls run(): it is the only writer, so there is nothing to lock.
  void show_progress() {
    if (progress_ == nullptr) return;
    const std::uint32_t steps = progress_->load(std::memory_order_relaxed);
    progress_->store(steps + 1, std::memory_order_relaxed);
  }

  // Calls body(item, thread) for each item below `items` (at most kMaxItems), thread < threads(),
  // and returns when all are done. Items are taken in ascending order by whoever is free, so uneven
  // items and a thread that loses its core cost little. What a body throws (no memory left) is thrown
  // here once all items are done, so that none is in flight any more; the first of several.
  template <class Body>
  void run(std::size_t items, Body&& body) {
    using Plain = std::remove_reference_t<Body>;
    const auto call = [](const void* self, std::size_t item, unsigned thread) {
      (*const_cast<Plain*>(static_cast<const Plain*>(self)))(item, thread);
    };
    run_items(items, call, &body);
  }

  // While a Pass lives, helpers without work look for it for some microseconds before they sleep:
  // the next product follows at once. Outside of one, and when their core is no longer granted,
  // they sleep straight away.
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
  void start_helpers(unsigned threads);
  void admit(unsigned threads);
  void help(unsigned thread);
  void spin(unsigned thread, std::uint32_t seen) const;
  // Works on the current job's items until none is left to take.
  void take_items(unsigned thread);
  void do_item(std::size_t item, unsigned thread) noexcept;
  void throw_failure();
  void wait_until_done(std::uint32_t items);

  const unsigned threads_;
  const std::atomic<std::uint32_t>* const grant_;
  std::atomic<std::uint32_t>* const progress_;
  std::vector<std::thread> helpers_;
  // Threads that may take items (24 bits), items (20), next item (20) in one word: an item is taken
  // by one compare and swap, and what that found is true of the job whose item it is. So a helper
  // that wakes late neither delays a job nor works on one that is not granted to it.
  std::atomic<std::uint64_t> job_{0};
  std::atomic<std::uint32_t> done_{0};
  std::atomic<std::uint32_t> generation_{0};  // jobs so far; helpers below admitted_ wait on it
  std::atomic<std::uint32_t> admitted_{1};    // the last job's threads; other helpers wait on this
  std::atomic<bool> in_pass_{false};
  std::atomic<bool> stop_{false};
  // Of the current job; written only while no item is in flight.
  Call call_ = nullptr;
  const void* self_ = nullptr;
  std::atomic<bool> failed_{false};
  std::exception_ptr failure_;  // written by the one that set failed_
};

}  // namespace onecopy::worker::kernels
