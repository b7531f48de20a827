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

// The segment's head, its checksums still missing.
struct SegmentDirectory {
  SegmentHeader header{};
  std::vector<TensorRecord> tensors;  // as many as the plan
  std::vector<DependencyRecord> dependencies;
  std::string names;
  std::string metadata;
  std::vector<std::size_t>
      first;  // for each tensor the first one with the same bytes, mostly itself
  std::uint64_t total_bytes = 0;

  // Whether tensor i has bytes of its own in this segment.
  bool holds(std::size_t i) const { return tensors[i].holder == 0 && first[i] == i; }
  // Tensors that share bytes share their checksum.
  void copy_shared_checksums();
};

// Lays the segment out. Opens the segments that the plan borrows from, for where the tensors are in
// them. kInvalidArgument: a plan or an info that cannot be written.
Result<SegmentDirectory> plan_directory(const ModelInfo& info, std::size_t tokenizer_bytes,
                                        std::span<const TensorPlan> plan);

}  // namespace onecopy
