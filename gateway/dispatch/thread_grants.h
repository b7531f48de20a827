// Shares the cores out among the workers that compute: a lone one gets all of them, many get one
// each.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace onecopy::gateway {

// Class ThreadGrants: borrows the mailboxes' numbers (MailboxHeader::threads) of the workers that
// compute; it only writes them. After each call the grants add up to at most max(cores, workers
// that compute), and nobody's is below 1. Cores that do not divide evenly go to those that started
// first. One thread.
//
// The gateway is the one that knows who computes. A count kept by the workers themselves would be
// wrong for ever after one of them died.
class ThreadGrants {
 public:
  using Grant = std::atomic<std::uint32_t>;

  explicit ThreadGrants(unsigned cores);

  // A worker is about to start (call this before it is woken). `more` others start right after it:
  // their cores are set aside, else the first would use all until they are taken away again.
  void start(Grant& grant, std::size_t more);
  // The worker has replied or died; nothing happens unless it computed. Its cores go to the others
  // with the next share_out(), so that they do not get them for the moment until its next item.
  void stop(const Grant& grant);
  void share_out(std::size_t more = 0);

 private:
  struct Busy {
    Grant* grant;
    unsigned threads;  // what it has; the number in the mailbox could be overwritten by the worker
  };
  const unsigned cores_;
  std::vector<Busy> busy_;  // those that started first come first
};

}  // namespace onecopy::gateway
