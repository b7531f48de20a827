#include "shared/segment/segment_parser.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
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
  Status pass(std::uint64_t offset, std::uint64_t bytes, std::string_view what) {
    if (offset != at_) {
      return fail(ErrorCode::kCorrupt, "{} is at {}, not at {}", what, offset, at_);
    }
    if (bytes > bytes_.size() || align_up(bytes) > bytes_.size() - at_) {
      return fail(ErrorCode::kCorrupt, "{} ends behind the segment's end", what);
    }
    at_ += align_up(bytes);
    return {};
  }

  std::uint64_t at() const { return at_; }

 private:
  std::span<const std::byte> bytes_;
  std::uint64_t at_;
};

constexpr std::array<std::string_view, kSectionKinds> kSectionTexts = {
    "its directory", "its list of dependencies", "its names", "its metadata", "its tokenizer",
    "its payload"};
constexpr std::array kReadAtOnce = {SectionKind::kTensors, SectionKind::kDependencies,
                                    SectionKind::kNames, SectionKind::kMetadata};

// Precondition: the part was passed.
Status check_hash(std::span<const std::byte> bytes, std::uint64_t offset, std::uint64_t size,
                  const Hash128& hash, std::string_view what) {
  if (content_hash(bytes.subspan(offset, align_up(size))) == hash) return {};
  return fail(ErrorCode::kCorrupt, "the checksum of {} is wrong", what);
}

Status check_section(const ParsedSegment& segment, SectionKind kind) {
  const auto i = static_cast<std::size_t>(kind);
  const SectionRecord* record = segment.sections[i];
  if (record == nullptr) return {};
  return check_hash(segment.bytes, record->offset, record->bytes, record->hash, kSectionTexts[i]);
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
  if (content_hash(bytes.first(offsetof(SegmentHeader, header_hash))) != header.header_hash ||
      header.reserved != 0 || header.padding != decltype(header.padding){}) {
    return fail(ErrorCode::kCorrupt, "the checksum of its header is wrong");
  }
  if (header.kind > static_cast<std::uint32_t>(SegmentKind::kModule)) {
    return fail(ErrorCode::kCorrupt, "it is of kind {}, which there is not", header.kind);
  }
  if (header.total_bytes != bytes.size()) {
    return fail(ErrorCode::kCorrupt, "it has {} bytes, not the {} of its header", bytes.size(),
                header.total_bytes);
  }
  return {};
}

// Kinds go up, so each is there at most once.
Status read_sections(ParsedSegment& segment, Walk& walk) {
  const SegmentHeader& header = *segment.header;
  if (header.sections > kSectionKinds) {
    return fail(ErrorCode::kCorrupt, "it has {} sections, more than {}", header.sections,
                kSectionKinds);
  }
  const std::uint64_t bytes = header.sections * sizeof(SectionRecord);
  RETURN_IF_ERROR(walk.pass(sizeof(SegmentHeader), bytes, "its table of sections"));
  RETURN_IF_ERROR(check_hash(segment.bytes, sizeof(SegmentHeader), bytes, header.sections_hash,
                             "its table of sections"));
  const auto* records =
      reinterpret_cast<const SectionRecord*>(segment.bytes.data() + sizeof(SegmentHeader));
  std::uint32_t next = 0;
  for (const SectionRecord& record : std::span(records, header.sections)) {
    if (record.kind < next || record.kind >= kSectionKinds || record.reserved != 0 ||
        !may_have(segment.kind(), static_cast<SectionKind>(record.kind))) {
      return fail(ErrorCode::kCorrupt, "a section of kind {} cannot stand in a segment of kind {}",
                  record.kind, to_string(segment.kind()));
    }
    RETURN_IF_ERROR(walk.pass(record.offset, record.bytes, kSectionTexts[record.kind]));
    segment.sections[record.kind] = &record;
    next = record.kind + 1;
  }
  return {};
}

Status check_all_there(const ParsedSegment& segment) {
  for (const SectionKind kind : kReadAtOnce) {
    const auto i = static_cast<std::size_t>(kind);
    if (segment.sections[i] == nullptr)
      return fail(ErrorCode::kCorrupt, "{} is missing", kSectionTexts[i]);
  }
  const auto tokenizer = static_cast<std::size_t>(SectionKind::kTokenizer);
  if (segment.kind() == SegmentKind::kModel && segment.sections[tokenizer] == nullptr)
    return fail(ErrorCode::kCorrupt, "{} is missing", kSectionTexts[tokenizer]);
  return {};
}

template <class Record>
Result<std::span<const Record>> records(const ParsedSegment& segment, SectionKind kind,
                                        std::size_t most) {
  const std::span<const std::byte> bytes = segment.section(kind);
  if (bytes.size() % sizeof(Record) != 0 || bytes.size() / sizeof(Record) > most) {
    return fail(ErrorCode::kCorrupt, "{} has {} bytes",
                kSectionTexts[static_cast<std::size_t>(kind)], bytes.size());
  }
  return std::span<const Record>(reinterpret_cast<const Record*>(bytes.data()),
                                 bytes.size() / sizeof(Record));
}

template <class Record>
Status check_names(const ParsedSegment& segment, std::span<const Record> list,
                   std::size_t longest) {
  std::unordered_set<std::string_view> seen;
  const std::uint64_t size = segment.section(SectionKind::kNames).size();
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

std::span<const std::uint64_t> dims_of(const TensorRecord& record) {
  return std::span(record.dims).first(record.rank);
}

Status check_shape(const TensorRecord& record, std::string_view name) {
  bool good = record.rank <= limits::kTensorDims;
  for (std::size_t i = record.rank; i < limits::kTensorDims; ++i)
    good = good && record.dims[i] == 0;
  const auto bytes =
      good ? stored_bytes(record.layout, record.dtype, dims_of(record)) : std::nullopt;
  if (!bytes) {
    return fail(ErrorCode::kCorrupt, "tensor {} has an impossible layout, type or shape", name);
  }
  if (record.bytes != *bytes) {
    return fail(ErrorCode::kCorrupt, "tensor {} of shape [{}] in {} has {} bytes, not {}", name,
                fmt::join(dims_of(record), ", "), to_string(static_cast<DType>(record.dtype)),
                record.bytes, *bytes);
  }
  return {};
}

bool same_tensor(const TensorRecord& a, const TensorRecord& b) {
  return a.layout == b.layout && a.dtype == b.dtype && a.rank == b.rank && a.dims == b.dims &&
         a.offset == b.offset && a.bytes == b.bytes && a.hash == b.hash;
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
    if (record.offset >= walk.at()) {
      RETURN_IF_ERROR(walk.pass(record.offset, record.bytes, name));
      segment.held.push_back(&record);
      continue;
    }
    const TensorRecord* first = segment.held_at(record.offset);
    if (first == nullptr || !same_tensor(*first, record)) {
      return fail(ErrorCode::kCorrupt, "tensor {} overlaps another", name);
    }
  }
  if (walk.at() != segment.bytes.size())
    return fail(ErrorCode::kCorrupt, "bytes belong to no tensor");
  return {};
}

Status read_directory(ParsedSegment& segment) {
  for (const SectionKind kind : kReadAtOnce) RETURN_IF_ERROR(check_section(segment, kind));
  ASSIGN_OR_RETURN(segment.tensors,
                   records<TensorRecord>(segment, SectionKind::kTensors, limits::kTensorsPerFile));
  ASSIGN_OR_RETURN(
      segment.dependencies,
      records<DependencyRecord>(segment, SectionKind::kDependencies, limits::kSegmentDependencies));
  RETURN_IF_ERROR(check_names(segment, segment.tensors, limits::kTensorNameBytes));
  return check_names(segment, segment.dependencies, limits::kSegmentNameBytes);
}

}  // namespace

std::span<const std::byte> ParsedSegment::section(SectionKind kind) const {
  const SectionRecord* record = sections[static_cast<std::size_t>(kind)];
  if (record == nullptr) return {};
  return bytes.subspan(record->offset, record->bytes);
}

std::string_view ParsedSegment::text(SectionKind kind) const {
  const std::span<const std::byte> found = section(kind);
  return {reinterpret_cast<const char*>(found.data()), found.size()};
}

std::string_view ParsedSegment::name(const TensorRecord& record) const {
  return text(SectionKind::kNames).substr(record.name_offset, record.name_bytes);
}

std::string_view ParsedSegment::name(const DependencyRecord& record) const {
  return text(SectionKind::kNames).substr(record.name_offset, record.name_bytes);
}

const TensorRecord* ParsedSegment::held_at(std::uint64_t offset) const {
  const auto offset_of = [](const TensorRecord* record) { return record->offset; };
  const auto found = std::ranges::lower_bound(held, offset, {}, offset_of);
  return found != held.end() && (*found)->offset == offset ? *found : nullptr;
}

Result<ParsedSegment> parse_segment(std::span<const std::byte> bytes) {
  if (bytes.size() < sizeof(SegmentHeader)) {
    return fail(ErrorCode::kCorrupt, "it has {} bytes, too few for a segment", bytes.size());
  }
  ParsedSegment segment;
  segment.bytes = bytes;
  segment.header = reinterpret_cast<const SegmentHeader*>(bytes.data());
  RETURN_IF_ERROR(check_header(bytes, *segment.header));
  Walk walk(bytes);
  RETURN_IF_ERROR(read_sections(segment, walk));
  RETURN_IF_ERROR(check_all_there(segment));
  RETURN_IF_ERROR(read_directory(segment));
  RETURN_IF_ERROR(check_tensors(segment, walk));
  return segment;
}

Status verify_contents(const ParsedSegment& segment) {
  RETURN_IF_ERROR(check_section(segment, SectionKind::kTokenizer));
  RETURN_IF_ERROR(check_section(segment, SectionKind::kPayload));
  for (const TensorRecord* record : segment.held) {
    RETURN_IF_ERROR(check_hash(segment.bytes, record->offset, record->bytes, record->hash,
                               fmt::format("tensor {}", segment.name(*record))));
  }
  return {};
}

Status check_borrowed(const TensorRecord& record, const ParsedSegment& holder) {
  const TensorRecord* held = holder.held_at(record.offset);
  if (held != nullptr && same_tensor(*held, record)) return {};
  return fail(ErrorCode::kCorrupt, "the borrowed tensor is not there");
}

TensorView view_of(const TensorRecord& record, std::span<const std::byte> bytes) {
  const bool two = record.rank == 2;
  return {.layout = static_cast<Layout>(record.layout),
          .dtype = static_cast<DType>(record.dtype),
          .rows = two ? record.dims[0] : 0,
          .cols = two ? record.dims[1] : 0,
          .dims = dims_of(record),
          .bytes = bytes.subspan(record.offset, record.bytes)};
}

}  // namespace onecopy
