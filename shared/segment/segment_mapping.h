// A segment's bytes mapped read-only and parsed; what the reader and the writer (for the segments
// it borrows from) build on.
#pragma once

#include <boost/interprocess/mapped_region.hpp>
#include <string>

#include "shared/base/status.h"
#include "shared/segment/segment_file.h"
#include "shared/segment/segment_parser.h"

namespace onecopy {

// Owns the mapping that `parsed` views. Move-only.
struct MappedSegment {
  std::string name;
  boost::interprocess::mapped_region region;
  ParsedSegment parsed;
};

// Maps and parses; reads neither tensors nor tokenizer, and does not need the descriptor
// afterwards. Errors name the segment.
Result<MappedSegment> map_segment(const SegmentFile& file);

}  // namespace onecopy
