#include "host/publish/tensor_catalogue.h"

#include "shared/segment/segment_mapping.h"
#include "shared/segment/segment_writer.h"

namespace onecopy::host {
namespace {

constexpr std::size_t kMostCandidates = 4;

}  // namespace

PublishedSegment::~PublishedSegment() {
  // A name that is gone already is what we want; nobody could act on another error.
  (void)unlink_segment(name_);
}

std::vector<SegmentFile> PublishedSegment::files() const {
  std::vector<SegmentFile> files;
  for (const Pointer& other : borrows_from_) files.push_back({other->name(), other->fd()});
  files.push_back({name_, fd()});
  return files;
}

Status TensorCatalogue::add_segment(const PublishedSegment::Pointer& segment) {
  ASSIGN_OR_RETURN(const MappedSegment mapped, map_segment({segment->name(), segment->fd()}));
  const std::lock_guard lock(mutex_);
  for (const TensorRecord* record : mapped.parsed.held) {
    if (record->source == Fingerprint{}) continue;
    known_.emplace(record->source, Known{segment, std::string(mapped.parsed.name(*record))});
  }
  return {};
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
