#include "shared/segment/segment_head.h"

#include <unordered_set>

#include "shared/segment/segment_mapping.h"

namespace onecopy {
namespace {

// Tensors that share their bytes count once.
std::uint64_t borrowed_bytes(const ParsedSegment& segment) {
  std::unordered_set<std::uint64_t> seen;
  std::uint64_t bytes = 0;
  for (const TensorRecord& record : segment.tensors) {
    // An offset is a multiple of 64 in its holder, and there are at most 255 holders.
    if (record.holder == 0 || !seen.insert(record.offset * 4 + record.holder).second) continue;
    bytes += record.bytes;
  }
  return bytes;
}

}  // namespace

Result<SegmentHead> read_segment_head(const SegmentFile& file) {
  ASSIGN_OR_RETURN(const MappedSegment mapped, map_segment(file));
  const ParsedSegment& parsed = mapped.parsed;
  SegmentHead head;
  head.identity = parsed.header->identity;
  head.total_bytes = parsed.bytes.size();
  head.borrowed_bytes = borrowed_bytes(parsed);
  head.kind = parsed.kind();
  head.metadata = parsed.text(SectionKind::kMetadata);
  if (head.kind == SegmentKind::kModel) {
    auto info = model_info_from_json(head.metadata);
    if (!info) {
      return fail(ErrorCode::kCorrupt, "segment {}: its metadata: {}", file.name,
                  info.error().text);
    }
    head.model = std::move(*info);
  }
  for (const DependencyRecord& record : parsed.dependencies)
    head.borrows_from.emplace_back(parsed.name(record));
  return head;
}

Result<SegmentHead> read_segment_head(int fd) {
  return read_segment_head({.name = fmt::format("descriptor {}", fd), .fd = fd});
}

}  // namespace onecopy
