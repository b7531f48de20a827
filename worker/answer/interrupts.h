// How a worker notices that what it computes is wanted no more.
#pragma once

#include <poll.h>

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace onecopy::worker {

// Class Interrupts: borrows the mailbox's marks and the socket. Without them nothing interrupts.
// One thread.
class Interrupts {
 public:
  Interrupts() = default;
  // `cancelled` is MailboxHeader::cancelled; `gateway` the socket whose other end is the gateway's.
  Interrupts(const std::atomic<std::uint64_t>& cancelled, int gateway)
      : cancelled_(&cancelled), gateway_(gateway) {}

  // Of the item at this place of the batch.
  bool is_cancelled(std::size_t place) const {
    return cancelled_ != nullptr && (cancelled_->load(std::memory_order_relaxed) >> place & 1) != 0;
  }
  // Messages that wait in the socket do not matter, only whether anybody is left to reply to. A
  // system call.
  bool gateway_is_gone() const {
    pollfd end{gateway_, POLLRDHUP, 0};
    return gateway_ >= 0 && ::poll(&end, 1, 0) > 0;
  }

 private:
  const std::atomic<std::uint64_t>* cancelled_ = nullptr;
  int gateway_ = -1;
};

}  // namespace onecopy::worker
