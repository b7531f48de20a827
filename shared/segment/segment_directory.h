// Where everything of a new segment goes: the part of the writer that touches no memory.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "shared/base/status.h"
#include "shared/segment/segment_format.h"
#include "shared/segment/segment_writer.h"

namespace onecopy {

// The segment's head, its hashes still missing.
struct SegmentDirectory {
  SegmentHeader header{};
  std::vector<SectionRecord> sections;
  std::vector<TensorRecord> tensors;  // as many as the plan
  std::vector<DependencyRecord> dependencies;
  std::string names;
  std::string metadata;
  // For each tensor the first one with the same bytes, mostly itself.
  std::vector<std::size_t> first;
  std::uint64_t total_bytes = 0;

  // Whether tensor i has bytes of its own in this segment.
  bool holds(std::size_t i) const { return tensors[i].holder == 0 && first[i] == i; }
  // Tensors that share bytes share their hash.
  void copy_shared_hashes();
  SectionRecord& section(SectionKind kind);  // one that it has
};

// Lays the segment out. Opens the segments that the plan borrows from, for where the tensors are in
// them. kInvalidArgument: a plan that cannot be written.
Result<SegmentDirectory> plan_directory(const SegmentContents& contents,
                                        std::span<const TensorPlan> plan);

}  // namespace onecopy
