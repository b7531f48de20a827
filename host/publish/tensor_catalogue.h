// Which tensors are published, so that a model that is loaded later borrows equal ones instead of
// storing them again.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "shared/base/checksum.h"
#include "shared/base/status.h"
#include "shared/base/unique_fd.h"
#include "shared/segment/segment_file.h"

namespace onecopy::host {

// A published segment's name. The destructor removes the name (processes that map the segment keep
// the memory until they let go). A segment that borrows keeps the ones it borrows from alive, so
// their names stay for as long as a worker may have to attach it. Never copied into a forked child:
// its destructor would remove the name there.
class PublishedSegment {
 public:
  using Pointer = std::shared_ptr<const PublishedSegment>;
  // `fd`: open read-only. `pages`: the writer's mapping, kept so that no page counts as private to
  // the one worker that happens to use it (and a look at the host shows what it holds).
  PublishedSegment(std::string name, UniqueFd fd, std::vector<Pointer> borrows_from,
                   std::shared_ptr<const void> pages = {})
      : name_(std::move(name)),
        fd_(std::move(fd)),
        borrows_from_(std::move(borrows_from)),
        pages_(std::move(pages)) {}
  ~PublishedSegment();
  PublishedSegment(const PublishedSegment&) = delete;
  PublishedSegment& operator=(const PublishedSegment&) = delete;

  const std::string& name() const { return name_; }
  int fd() const { return fd_.get(); }
  const std::vector<Pointer>& borrows_from() const { return borrows_from_; }
  // Those that it borrows from, and it: what Segment::open takes. Borrowed from this object.
  std::vector<SegmentFile> files() const;

 private:
  std::string name_;
  UniqueFd fd_;
  std::vector<Pointer> borrows_from_;
  std::shared_ptr<const void> pages_;
};

// Sampled content of a tensor: equal tensors have equal fingerprints, others nearly never. Only a
// hint: nothing is shared before all its packed bytes have been compared.
using Fingerprint = Hash128;

// Class TensorCatalogue: everything in it comes from the segments' own records, so that a process
// which has only their descriptors fills one like the process that wrote them. Owns no segment (it
// forgets one when its last owner lets go). All methods may be called from any thread.
class TensorCatalogue {
 public:
  struct Location {
    PublishedSegment::Pointer segment;  // keeps the name alive while the caller compares
    std::string tensor;
  };

  // The tensors that the segment itself holds, by what its records say they were made of.
  Status add_segment(const PublishedSegment::Pointer& segment);

  // Published tensors with this fingerprint, the oldest first; at most a few, so that a hostile
  // file with many look-alikes cannot make loading slow.
  std::vector<Location> find(const Fingerprint& fingerprint);

 private:
  struct Known {
    std::weak_ptr<const PublishedSegment> segment;
    std::string tensor;
  };
  std::mutex mutex_;
  std::multimap<Fingerprint, Known> known_;
};

}  // namespace onecopy::host
