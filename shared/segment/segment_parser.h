// Raw segment bytes to checked views: the one place that decides whether a segment can be believed.
#pragma once

#include <array>
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
  std::array<const SectionRecord*, kSectionKinds> sections{};  // null: it has none of that kind
  std::vector<const TensorRecord*>
      held;  // records whose bytes lie here, each extent once, by offset

  SegmentKind kind() const { return static_cast<SegmentKind>(header->kind); }
  std::span<const std::byte> section(SectionKind kind) const;  // empty: it has none
  std::string_view text(SectionKind kind) const;
  std::string_view name(const TensorRecord& record) const;
  std::string_view name(const DependencyRecord& record) const;
  // The tensor whose bytes this segment itself holds at `offset`; null when there is none.
  const TensorRecord* held_at(std::uint64_t offset) const;
};

// `bytes` is the whole segment, aligned to 64. Checks magic, versions, checksums of header,
// directory and metadata, and that every offset, length, name, layout and shape is in bounds and
// fits the others. Never reads the tensors, the tokenizer image or the payload; what the metadata
// says is for the kind's own reader. kCorrupt, or kUnsupported for
// another format or build.
Result<ParsedSegment> parse_segment(std::span<const std::byte> bytes);

// Checks the hashes of what parse_segment did not read: the tokenizer image or the payload, and all
// tensors that the segment holds.
Status verify_contents(const ParsedSegment& segment);

// Whether `record` describes the very tensor that `holder` has there.
Status check_borrowed(const TensorRecord& record, const ParsedSegment& holder);

// `bytes` are the holder's.
TensorView view_of(const TensorRecord& record, std::span<const std::byte> bytes);

}  // namespace onecopy
