#include "gateway/dispatch/batch.h"

#include <algorithm>

#include "shared/base/limits.h"

namespace onecopy::gateway {

Batch::~Batch() {
  for (std::size_t i = 0; i < items_.size(); ++i) take(i);
}

bool Batch::has_room_for(const WorkItem& item) const {
  if (items_.empty()) return true;
  // Whatever ended that worker may have been this item: it must not take others with it.
  if (item.deaths > 0 || items_.front()->deaths > 0) return false;
  return items_.size() < limits::kBatchItems && tokens_ + item.tokens <= limits::kBatchTokens &&
         bytes_ + item.text_bytes() <= kMailboxTextBytes;
}

void Batch::add(WorkItem& item) {
  items_.push_back(&item);
  item.batch = this;
  tokens_ += item.tokens;
  bytes_ += item.text_bytes();
}

WorkItem* Batch::take(std::size_t place) {
  WorkItem* const item = items_[place];
  if (item != nullptr) item->batch = nullptr;
  items_[place] = nullptr;
  return item;
}

void Batch::remove(WorkItem& item) {
  const auto place = static_cast<std::size_t>(std::ranges::find(items_, &item) - items_.begin());
  take(place);
  if (cancelled_ != nullptr) cancelled_->fetch_or(std::uint64_t{1} << place);
}

bool Batch::nobody_waits() const {
  return std::ranges::all_of(items_, [](const WorkItem* item) { return item == nullptr; });
}

std::vector<WorkRequest> Batch::requests() const {
  std::vector<WorkRequest> requests;
  requests.reserve(items_.size());
  for (const WorkItem* item : items_) requests.push_back(item->request());
  return requests;
}

}  // namespace onecopy::gateway
