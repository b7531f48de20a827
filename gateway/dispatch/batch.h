// Items of one model that a worker computes together.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "gateway/dispatch/work.h"
#include "shared/protocol/mailbox.h"

namespace onecopy::gateway {

// Class Batch: borrows its items; each of them knows the batch, so that a call that is given up
// takes its items out wherever the batch is. Places keep their numbers then. Not movable: items
// point at it. One thread.
class Batch {
 public:
  Batch() = default;
  ~Batch();
  Batch(const Batch&) = delete;
  Batch& operator=(const Batch&) = delete;

  // Whether the item may join: it and the others are within limits::kBatchTokens (estimated),
  // kBatchItems and the mailbox's room, and none of them has seen a worker's death. The first may
  // always.
  bool has_room_for(const WorkItem& item) const;
  void add(WorkItem& item);

  std::size_t size() const { return items_.size(); }  // places, empty ones included
  // Null where the item was given up.
  WorkItem* at(std::size_t place) const { return items_[place]; }
  // The same, and the place is empty afterwards.
  WorkItem* take(std::size_t place);
  // The item was given up: its place is empty afterwards, and the worker that has it is told.
  void remove(WorkItem& item);
  bool nobody_waits() const;  // all places are empty

  // The batch is with a worker, whose mailbox has these marks (MailboxHeader::cancelled); null: no
  // longer.
  void marks_cancelled_in(std::atomic<std::uint64_t>* marks) { cancelled_ = marks; }

  // Precondition: no place is empty yet.
  std::vector<WorkRequest> requests() const;

 private:
  std::vector<WorkItem*> items_;
  std::atomic<std::uint64_t>* cancelled_ = nullptr;
  std::size_t tokens_ = 0;  // estimated
  std::size_t bytes_ = 0;   // of texts
};

}  // namespace onecopy::gateway
