// Any kind of segment, mapped read-only: its sections and its tensors. What they mean is for the
// kind's own reader: Segment (segment_reader.h) for models.
//
// Class SegmentContainer: owns the mapping of its segment and of the segments whose tensors it
// borrows (equal tensors are stored once across segments, so a directory entry may point into
// another). Move-only; const methods may be called from any thread. Views it hands out live as long
// as it does.
//
// Caveats: a mapping keeps the memory alive after the name is gone (that is how a model is replaced
// under traffic). A segment truncated from outside after mapping raises SIGBUS; nobody but root or
// the owner can.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "shared/base/status.h"
#include "shared/segment/segment_file.h"
#include "shared/segment/segment_format.h"
#include "shared/segment/tensor_view.h"

namespace onecopy {

enum class SegmentCheck {
  // Header, directory, metadata: hashes, bounds, shapes. Microseconds: what a worker does.
  kStructure,
  // Also the hash of every tensor and of the tokenizer or payload: what the host and inspect do.
  kContents,
};

class SegmentContainer {
 public:
  // Opens `name` of `available`, which holds all segments that it may borrow from as well. The
  // descriptors are not needed afterwards. Errors: kNotFound (it, or one that it borrows from, is
  // not among them), kCorrupt (says what is wrong), kUnsupported (another format version or layout;
  // names both), kSystem.
  static Result<SegmentContainer> open(std::span<const SegmentFile> available,
                                       std::string_view name, SegmentCheck check);
  // The same by published names, for command line tools and tests. What serves goes by descriptor.
  static Result<SegmentContainer> open(const std::string& name, SegmentCheck check);

  SegmentContainer(SegmentContainer&&) noexcept;
  SegmentContainer& operator=(SegmentContainer&&) noexcept;
  ~SegmentContainer();

  const std::string& name() const;
  SegmentKind kind() const;
  std::size_t bytes() const;  // of this segment alone, borrowed tensors not counted
  std::string_view metadata() const;
  std::span<const std::byte> section(SectionKind kind) const;  // empty: it has none

  Result<TensorView> tensor(std::string_view name) const;  // kCorrupt: it has none of this name
  struct Entry {
    std::string_view name;
    TensorView view;
    std::string_view segment;  // the one that holds the bytes: this one or a borrowed one
    Hash128 hash;
  };
  std::vector<Entry> entries() const;
  std::vector<std::string> dependencies() const;

 private:
  struct State;
  explicit SegmentContainer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace onecopy
