// What waits for a worker: a line for each model, served in turns, so that many requests for one
// model do not make those for another wait longer.
#pragma once

#include <cstddef>
#include <list>
#include <optional>
#include <unordered_map>

namespace onecopy::gateway {

struct Model;
struct WorkItem;

// Class FairQueue: borrows the items. Every operation takes constant time. One thread.
class FairQueue {
  struct Lane {
    const Model* model;
    std::list<WorkItem*> items;
  };

 public:
  // Where an item stands; kept in the item.
  struct Place {
    std::list<Lane>::iterator lane;
    std::list<WorkItem*>::iterator item;
  };

  void push_back(WorkItem& item, const Model& model);
  // Before all others, also those of other models: for an item whose turn has been already.
  void push_front(WorkItem& item, const Model& model);
  // The next item, whose model then goes to the end of the turns. Null when empty.
  WorkItem* pop();
  // The next item of this model, whoever's turn it is. Null when it has none.
  WorkItem* next_of(const Model& model) const;
  void remove(WorkItem& item);  // nothing happens unless it is queued

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

 private:
  std::list<Lane>::iterator lane_of(const Model& model);
  void take(WorkItem& item);

  std::list<Lane> turns_;  // only lanes with items
  std::unordered_map<const Model*, std::list<Lane>::iterator> lanes_;
  std::size_t size_ = 0;
};

}  // namespace onecopy::gateway
