#include "shared/segment/segment_parser.h"

#include <algorithm>
#include <unordered_set>

#include "shared/base/checksum.h"
#include "shared/base/limits.h"

namespace onecopy {
namespace {

// Walks through the parts in the order in which they have to lie.
class Walk {
 public:
  explicit Walk(std::span<const std::byte> bytes) : bytes_(bytes), at_(sizeof(SegmentHeader)) {}

  // The part must start where the last one ended, and end within the segment.
  Status pass(const Extent& extent, std::string_view what) {
    if (extent.offset != at_) {
      return fail(ErrorCode::kCorrupt, "{} is at {}, not at {}", what, extent.offset, at_);
    }
    if (extent.bytes > bytes_.size() || align_up(extent.bytes) > bytes_.size() - at_) {
      return fail(ErrorCode::kCorrupt, "{} ends behind the segment's end", what);
    }
    at_ += align_up(extent.bytes);
    return {};
  }

  std::uint64_t at() const { return at_; }

 private:
  std::span<const std::byte> bytes_;
  std::uint64_t at_;
};

std::span<const std::byte> padded(std::span<const std::byte> bytes, const Extent& extent) {
  return bytes.subspan(extent.offset, align_up(extent.bytes));
}

Status check_sum(std::span<const std::byte> bytes, const Extent& extent, std::string_view what) {
  if (checksum(padded(bytes, extent)) == extent.checksum) return {};
  return fail(ErrorCode::kCorrupt, "the checksum of {} is wrong", what);
}

Status check_header(std::span<const std::byte> bytes, const SegmentHeader& header) {
  if (header.magic != kSegmentMagic) return fail(ErrorCode::kCorrupt, "not a onecopy segment");
  if (header.format_version != kSegmentFormatVersion) {
    return fail(ErrorCode::kUnsupported,
                "format version {}, this build reads {}: run one build of onecopy only",
                header.format_version, kSegmentFormatVersion);
  }
  if (header.layout_fingerprint != layout_fingerprint()) {
    return fail(ErrorCode::kUnsupported,
                "layout {:016x}, this build reads {:016x}: run one build of onecopy only",
                header.layout_fingerprint, layout_fingerprint());
  }
  if (checksum(bytes.first(offsetof(SegmentHeader, header_checksum))) != header.header_checksum ||
      header.reserved != 0 || header.padding[0] != 0 || header.padding[1] != 0) {
    return fail(ErrorCode::kCorrupt, "the checksum of its header is wrong");
  }
  if (header.total_bytes != bytes.size()) {
    return fail(ErrorCode::kCorrupt, "it has {} bytes, not the {} of its header", bytes.size(),
                header.total_bytes);
  }
  return {};
}

template <class Record>
Result<std::span<const Record>> records(std::span<const std::byte> bytes, const Extent& extent,
                                        std::size_t most, std::string_view what) {
  if (extent.bytes % sizeof(Record) != 0 || extent.bytes / sizeof(Record) > most) {
    return fail(ErrorCode::kCorrupt, "{} has {} bytes", what, extent.bytes);
  }
  return std::span<const Record>(reinterpret_cast<const Record*>(bytes.data() + extent.offset),
                                 extent.bytes / sizeof(Record));
}

template <class Record>
Status check_names(const ParsedSegment& segment, std::span<const Record> list,
                   std::size_t longest) {
  std::unordered_set<std::string_view> seen;
  const std::uint64_t size = segment.header->names.bytes;
  for (const Record& record : list) {
    if (record.name_bytes == 0 || record.name_bytes > longest || record.name_offset > size ||
        record.name_bytes > size - record.name_offset) {
      return fail(ErrorCode::kCorrupt, "a name is out of bounds");
    }
    if (!seen.insert(segment.name(record)).second) {
      return fail(ErrorCode::kCorrupt, "the name {} stands twice", segment.name(record));
    }
  }
  return {};
}

Status check_shape(const TensorRecord& record, std::string_view name) {
  if (!is_storable(record.layout, record.dtype) || record.reserved != 0 || record.rows == 0 ||
      record.cols == 0 || record.rows > kTensorSide || record.cols > kTensorSide) {
    return fail(ErrorCode::kCorrupt, "tensor {} has an impossible layout, type or shape", name);
  }
  // No overflow: both sides are at most 2^28.
  const auto dtype = static_cast<DType>(record.dtype);
  if (record.data.bytes !=
      packed_bytes(static_cast<Layout>(record.layout), dtype, record.rows, record.cols)) {
    return fail(ErrorCode::kCorrupt, "tensor {} of shape [{}, {}] in {} has {} bytes", name,
                record.rows, record.cols, to_string(dtype), record.data.bytes);
  }
  return {};
}

bool same_tensor(const TensorRecord& a, const TensorRecord& b) {
  return a.layout == b.layout && a.dtype == b.dtype && a.rows == b.rows && a.cols == b.cols &&
         a.data.offset == b.data.offset && a.data.bytes == b.data.bytes &&
         a.data.checksum == b.data.checksum;
}

// Own tensors follow each other without holes, or repeat an earlier one; borrowed ones name a
// dependency.
Status check_tensors(ParsedSegment& segment, Walk walk) {
  for (const TensorRecord& record : segment.tensors) {
    const std::string_view name = segment.name(record);
    RETURN_IF_ERROR(check_shape(record, name));
    if (record.holder > segment.dependencies.size()) {
      return fail(ErrorCode::kCorrupt, "tensor {} is borrowed from nowhere", name);
    }
    if (record.holder != 0) continue;
    if (record.data.offset >= walk.at()) {
      RETURN_IF_ERROR(walk.pass(record.data, name));
      segment.held.push_back(&record);
      continue;
    }
    const TensorRecord* first = segment.held_at(record.data.offset);
    if (first == nullptr || !same_tensor(*first, record)) {
      return fail(ErrorCode::kCorrupt, "tensor {} overlaps another", name);
    }
  }
  if (walk.at() != segment.bytes.size())
    return fail(ErrorCode::kCorrupt, "bytes belong to no tensor");
  return {};
}

Status read_directory(ParsedSegment& segment) {
  const SegmentHeader& header = *segment.header;
  RETURN_IF_ERROR(check_sum(segment.bytes, header.tensors, "its directory"));
  RETURN_IF_ERROR(check_sum(segment.bytes, header.dependencies, "its dependencies"));
  RETURN_IF_ERROR(check_sum(segment.bytes, header.names, "its names"));
  RETURN_IF_ERROR(check_sum(segment.bytes, header.metadata, "its metadata"));
  ASSIGN_OR_RETURN(segment.tensors,
                   records<TensorRecord>(segment.bytes, header.tensors, limits::kTensorsPerFile,
                                         "its directory"));
  ASSIGN_OR_RETURN(
      segment.dependencies,
      records<DependencyRecord>(segment.bytes, header.dependencies, limits::kSegmentDependencies,
                                "the list of its dependencies"));
  RETURN_IF_ERROR(check_names(segment, segment.tensors, limits::kTensorNameBytes));
  return check_names(segment, segment.dependencies, limits::kSegmentNameBytes);
}

}  // namespace

std::string_view ParsedSegment::name(const TensorRecord& record) const {
  return {reinterpret_cast<const char*>(bytes.data() + header->names.offset) + record.name_offset,
          record.name_bytes};
}

std::string_view ParsedSegment::name(const DependencyRecord& record) const {
  return {reinterpret_cast<const char*>(bytes.data() + header->names.offset) + record.name_offset,
          record.name_bytes};
}

const TensorRecord* ParsedSegment::held_at(std::uint64_t offset) const {
  const auto offset_of = [](const TensorRecord* record) { return record->data.offset; };
  const auto found = std::ranges::lower_bound(held, offset, {}, offset_of);
  return found != held.end() && (*found)->data.offset == offset ? *found : nullptr;
}

Result<ParsedSegment> parse_segment(std::span<const std::byte> bytes) {
  if (bytes.size() < sizeof(SegmentHeader)) {
    return fail(ErrorCode::kCorrupt, "it has {} bytes, too few for a segment", bytes.size());
  }
  ParsedSegment segment;
  segment.bytes = bytes;
  segment.header = reinterpret_cast<const SegmentHeader*>(bytes.data());
  RETURN_IF_ERROR(check_header(bytes, *segment.header));
  const SegmentHeader& header = *segment.header;
  Walk walk(bytes);
  RETURN_IF_ERROR(walk.pass(header.tensors, "its directory"));
  RETURN_IF_ERROR(walk.pass(header.dependencies, "the list of its dependencies"));
  RETURN_IF_ERROR(walk.pass(header.names, "the list of its names"));
  RETURN_IF_ERROR(walk.pass(header.metadata, "its metadata"));
  RETURN_IF_ERROR(walk.pass(header.tokenizer, "its tokenizer"));
  RETURN_IF_ERROR(read_directory(segment));
  RETURN_IF_ERROR(check_tensors(segment, walk));
  segment.metadata = {reinterpret_cast<const char*>(bytes.data() + header.metadata.offset),
                      header.metadata.bytes};
  segment.tokenizer = bytes.subspan(header.tokenizer.offset, header.tokenizer.bytes);
  return segment;
}

Status verify_contents(const ParsedSegment& segment) {
  RETURN_IF_ERROR(check_sum(segment.bytes, segment.header->tokenizer, "its tokenizer"));
  for (const TensorRecord* record : segment.held) {
    RETURN_IF_ERROR(
        check_sum(segment.bytes, record->data, fmt::format("tensor {}", segment.name(*record))));
  }
  return {};
}

Status check_borrowed(const TensorRecord& record, const ParsedSegment& holder) {
  const TensorRecord* held = holder.held_at(record.data.offset);
  if (held != nullptr && same_tensor(*held, record)) return {};
  return fail(ErrorCode::kCorrupt, "the borrowed tensor is not there");
}

TensorView view_of(const TensorRecord& record, std::span<const std::byte> bytes) {
  return {.layout = static_cast<Layout>(record.layout),
          .dtype = static_cast<DType>(record.dtype),
          .rows = record.rows,
          .cols = record.cols,
          .bytes = bytes.subspan(record.data.offset, record.data.bytes)};
}

}  // namespace onecopy
