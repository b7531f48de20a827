// Raw segment bytes to checked views: the one place that decides whether a segment can be believed.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "shared/base/status.h"
#include "shared/segment/segment_format.h"
#include "shared/segment/tensor_view.h"

namespace onecopy {

// Views into the bytes that were parsed; they own nothing.
struct ParsedSegment {
  std::span<const std::byte> bytes;
  const SegmentHeader* header = nullptr;
  std::span<const TensorRecord> tensors;
  std::span<const DependencyRecord> dependencies;
  std::string_view metadata;
  std::span<const std::byte> tokenizer;
  std::vector<const TensorRecord*>
      held;  // records whose bytes lie here, each extent once, by offset

  std::string_view name(const TensorRecord& record) const;
  std::string_view name(const DependencyRecord& record) const;
  // The tensor whose bytes this segment itself holds at `offset`; null when there is none.
  const TensorRecord* held_at(std::uint64_t offset) const;
};

// `bytes` is the whole segment, aligned to 64. Checks magic, versions, checksums of header,
// directory and metadata, and that every offset, length, name, layout and shape is in bounds and
// fits the others. Never reads the tensors or the tokenizer image. kCorrupt, or kUnsupported for
// another format or build.
Result<ParsedSegment> parse_segment(std::span<const std::byte> bytes);

// Checks the checksums of the tokenizer image and of all tensors that the segment holds.
Status verify_contents(const ParsedSegment& segment);

// Whether `record` describes the very tensor that `holder` has there.
Status check_borrowed(const TensorRecord& record, const ParsedSegment& holder);

// `bytes` are the holder's.
TensorView view_of(const TensorRecord& record, std::span<const std::byte> bytes);

}  // namespace onecopy
