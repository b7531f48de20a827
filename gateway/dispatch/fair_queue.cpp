#include "gateway/dispatch/fair_queue.h"

#include <algorithm>
#include <tuple>

namespace onecopy::gateway {

void FairQueue::push_back(WorkItem& item) {
  Lane& lane = lanes_[&item.model()];
  if (lane.first == nullptr) {
    lane.due = std::max(lane.due, now_);
    lane.since = arrivals_++;
  }
  item.lane = &lane;
  item.previous = lane.last;
  (lane.last == nullptr ? lane.first : lane.last->next) = &item;
  lane.last = &item;
  ++size_;
}

void FairQueue::push_front(WorkItem& item) {
  item.lane = &again_;
  item.next = again_.first;
  (again_.first == nullptr ? again_.last : again_.first->previous) = &item;
  again_.first = &item;
  ++size_;
}

void FairQueue::unlink(WorkItem& item) {
  (item.previous == nullptr ? item.lane->first : item.previous->next) = item.next;
  (item.next == nullptr ? item.lane->last : item.next->previous) = item.previous;
  item.lane = nullptr;
  item.previous = item.next = nullptr;
  if (--size_ > 0) return;
  lanes_.clear();  // nobody waits who could have a claim on what others have used
  now_ = 0;
}

Lane* FairQueue::next_lane() {
  if (again_.first != nullptr) return &again_;
  Lane* next = nullptr;
  for (auto& [model, lane] : lanes_) {
    if (lane.first == nullptr) continue;
    if (next == nullptr || std::tie(lane.due, lane.since) < std::tie(next->due, next->since)) {
      next = &lane;
    }
  }
  return next;
}

void FairQueue::take(WorkItem& item) {
  Lane& lane = *item.lane;
  if (&lane != &again_) {
    lane.due += std::max<std::size_t>(1, item.tokens);
    lane.since = arrivals_++;
  }
  unlink(item);
}

WorkItem* FairQueue::pop() {
  Lane* const lane = next_lane();
  if (lane == nullptr) return nullptr;
  if (lane != &again_) now_ = lane->due;
  WorkItem* const item = lane->first;
  take(*item);
  return item;
}

WorkItem* FairQueue::next_of(const Model& model) {
  if (again_.first != nullptr && &again_.first->model() == &model) return again_.first;
  const auto lane = lanes_.find(&model);
  return lane == lanes_.end() ? nullptr : lane->second.first;
}

std::optional<Clock::duration> FairQueue::longest_wait() const {
  std::optional<Clock::time_point> oldest;
  const auto look_at = [&](const Lane& lane) {
    if (lane.first != nullptr && (!oldest || lane.first->since < *oldest)) {
      oldest = lane.first->since;
    }
  };
  look_at(again_);
  for (const auto& [model, lane] : lanes_) look_at(lane);
  if (!oldest) return std::nullopt;
  return Clock::now() - *oldest;
}

void FairQueue::remove(WorkItem& item) {
  if (item.lane != nullptr) unlink(item);
}

}  // namespace onecopy::gateway
