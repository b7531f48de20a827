#include "host/publish/tensor_catalogue.h"

#include "shared/segment/segment_writer.h"

namespace onecopy::host {
namespace {

constexpr std::size_t kMostCandidates = 4;

}  // namespace

PublishedSegment::~PublishedSegment() {
  // A name that is gone already is what we want; nobody could act on another error.
  (void)unlink_segment(name_);
}

void TensorCatalogue::add(const Fingerprint& fingerprint, const PublishedSegment::Pointer& segment,
                          std::string tensor) {
  const std::lock_guard lock(mutex_);
  known_.emplace(fingerprint, Known{segment, std::move(tensor)});
}

std::vector<TensorCatalogue::Location> TensorCatalogue::find(const Fingerprint& fingerprint) {
  // Destroyed after the lock: letting go of the last owner unlinks.
  std::vector<Location> found;
  const std::lock_guard lock(mutex_);
  auto [at, end] = known_.equal_range(fingerprint);
  while (at != end && found.size() < kMostCandidates) {
    if (auto segment = at->second.segment.lock()) {
      found.push_back({std::move(segment), at->second.tensor});
      ++at;
    } else {
      at = known_.erase(at);
    }
  }
  return found;
}

}  // namespace onecopy::host
