// What waits for a worker: a line for each model, served by what it costs, so that expensive
// requests for one model do not make cheap ones for another wait longer than their share.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <unordered_map>

#include "gateway/dispatch/work.h"

namespace onecopy::gateway {

// The items of one model in their order, through their own hooks, and the virtual time at which the
// next of them is due.
struct Lane {
  WorkItem* first = nullptr;
  WorkItem* last = nullptr;
  std::uint64_t due = 0;
  std::uint64_t since = 0;  // which of two lanes that are due waits for longer
};

// Class FairQueue: start-time fair queueing over models. Each lane's virtual time grows by the cost
// of what is taken from it, the next item is that of the lane with the least, and a lane that was
// empty begins at the time of what was taken last: what it did not use while it was empty is not
// saved up. Borrows the items. Constant time, but for pop(), which looks at each lane. One thread.
class FairQueue {
 public:
  void push_back(WorkItem& item);
  // Before all others, also those of other models, and without cost: for an item whose turn has
  // been already.
  void push_front(WorkItem& item);
  // The next item; its lane pays for it. Null when empty.
  WorkItem* pop();
  // The next item of this model, whoever's turn it is. Null when it has none.
  WorkItem* next_of(const Model& model);
  // Takes an item that next_of() gave; its lane pays for it.
  void take(WorkItem& item);
  void remove(WorkItem& item);  // without cost; nothing happens unless it is queued

  // Of the item that has waited longest; none when empty. Looks at each lane.
  std::optional<Clock::duration> longest_wait() const;

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

 private:
  Lane* next_lane();
  void unlink(WorkItem& item);

  std::unordered_map<const Model*, Lane> lanes_;  // all that were used since the queue was empty
  Lane again_;                                    // what was put back
  std::uint64_t now_ = 0;                         // virtual: when what pop() gave last was due
  std::uint64_t arrivals_ = 0;                    // of lanes
  std::size_t size_ = 0;
};

}  // namespace onecopy::gateway
