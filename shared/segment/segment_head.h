// What a segment says about itself, without the segments that it borrows from: what the gateway and
// the host need of one that they only hand on.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "shared/base/status.h"
#include "shared/segment/model_info.h"
#include "shared/segment/segment_file.h"
#include "shared/segment/segment_format.h"

namespace onecopy {

// A value: nothing stays mapped.
struct SegmentHead {
  SegmentIdentity identity{};
  SegmentKind kind = SegmentKind::kModel;
  std::uint64_t total_bytes = 0;     // of the segment
  std::uint64_t borrowed_bytes = 0;  // of tensors that lie in others
  std::string metadata;              // JSON, as it is written
  std::optional<ModelInfo> model;    // the same, read and checked; of kModel
  std::vector<std::string> borrows_from;
};

// Checks all that Segment::Check::kStructure does but the segments that it borrows from.
Result<SegmentHead> read_segment_head(const SegmentFile& file);
Result<SegmentHead> read_segment_head(int fd);  // errors then call it "descriptor N"

}  // namespace onecopy
