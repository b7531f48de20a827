#include "gateway/dispatch/fair_queue.h"

#include "gateway/dispatch/call.h"

namespace onecopy::gateway {

std::list<FairQueue::Lane>::iterator FairQueue::lane_of(const Model& model) {
  const auto known = lanes_.find(&model);
  if (known != lanes_.end()) return known->second;
  const auto lane = turns_.insert(turns_.end(), Lane{&model, {}});
  lanes_.emplace(&model, lane);
  return lane;
}

void FairQueue::push_back(WorkItem& item, const Model& model) {
  const auto lane = lane_of(model);
  item.place = Place{lane, lane->items.insert(lane->items.end(), &item)};
  ++size_;
}

void FairQueue::push_front(WorkItem& item, const Model& model) {
  const auto lane = lane_of(model);
  item.place = Place{lane, lane->items.insert(lane->items.begin(), &item)};
  turns_.splice(turns_.begin(), turns_, lane);
  ++size_;
}

void FairQueue::take(WorkItem& item) {
  const Place place = *item.place;
  item.place.reset();
  place.lane->items.erase(place.item);
  --size_;
  if (!place.lane->items.empty()) return;
  lanes_.erase(place.lane->model);
  turns_.erase(place.lane);
}

WorkItem* FairQueue::pop() {
  if (turns_.empty()) return nullptr;
  WorkItem* const item = turns_.front().items.front();
  turns_.splice(turns_.end(), turns_, turns_.begin());
  take(*item);
  return item;
}

WorkItem* FairQueue::next_of(const Model& model) const {
  const auto lane = lanes_.find(&model);
  return lane == lanes_.end() ? nullptr : lane->second->items.front();
}

void FairQueue::remove(WorkItem& item) {
  if (item.place) take(item);
}

}  // namespace onecopy::gateway
