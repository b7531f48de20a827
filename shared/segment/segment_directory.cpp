#include "shared/segment/segment_directory.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <map>

#include "shared/base/limits.h"
#include "shared/segment/segment_mapping.h"

namespace onecopy {
namespace {

// Fills a SegmentDirectory step by step.
class Builder {
 public:
  Result<SegmentDirectory> build(const SegmentContents& contents, std::span<const TensorPlan> plan);

 private:
  Status add_tensor(const TensorPlan& plan, std::size_t index);
  Status share(const TensorPlan& plan, std::size_t index, TensorRecord& record);
  Status borrow(const TensorPlan::Borrowed& from, TensorRecord& record);
  Result<std::uint32_t> dependency(const TensorPlan::Borrowed& from);
  std::uint32_t add_name(const std::string& name);
  void add_section(SectionKind kind, std::uint64_t bytes);
  void place_sections(const SegmentContents& contents);
  void place_tensors();

  SegmentDirectory out_;
  std::map<std::string, std::uint32_t> holders_;  // segment name -> TensorRecord::holder
  std::vector<MappedSegment> mapped_;             // by holder - 1
};

std::uint32_t Builder::add_name(const std::string& name) {
  const auto offset = static_cast<std::uint32_t>(out_.names.size());
  out_.names += name;
  return offset;
}

Status check_shape(const TensorPlan& plan) {
  if (!plan.name.empty() && plan.name.size() <= limits::kTensorNameBytes && plan.bytes() > 0) {
    return {};
  }
  return fail(ErrorCode::kInvalidArgument, "tensor {} of shape [{}] in {} {} cannot be stored",
              plan.name, fmt::join(plan.shape(), ", "), to_string(plan.dtype),
              to_string(plan.layout));
}

Status Builder::add_tensor(const TensorPlan& plan, std::size_t index) {
  RETURN_IF_ERROR(check_shape(plan));
  TensorRecord record{};
  record.name_offset = add_name(plan.name);
  record.name_bytes = static_cast<std::uint32_t>(plan.name.size());
  record.layout = static_cast<std::uint32_t>(plan.layout);
  record.dtype = static_cast<std::uint32_t>(plan.dtype);
  const std::vector<std::uint64_t> shape = plan.shape();
  record.rank = static_cast<std::uint32_t>(shape.size());
  std::ranges::copy(shape, record.dims.begin());
  record.bytes = plan.bytes();
  record.source = plan.source;
  out_.first.push_back(index);
  if (plan.same_as) {
    RETURN_IF_ERROR(share(plan, index, record));
  } else if (plan.borrowed) {
    RETURN_IF_ERROR(borrow(*plan.borrowed, record));
  }
  out_.tensors.push_back(record);
  return {};
}

Status Builder::share(const TensorPlan& plan, std::size_t index, TensorRecord& record) {
  if (*plan.same_as >= index) {
    return fail(ErrorCode::kInvalidArgument, "tensor {} is the same as a later one", plan.name);
  }
  const TensorRecord& other = out_.tensors[*plan.same_as];
  if (other.layout != record.layout || other.dtype != record.dtype || other.rank != record.rank ||
      other.dims != record.dims) {
    return fail(ErrorCode::kInvalidArgument,
                "tensor {} is the same as one of another shape or type", plan.name);
  }
  record.holder = other.holder;
  record.offset = other.offset;
  record.hash = other.hash;
  out_.first.back() = out_.first[*plan.same_as];
  return {};
}

Status Builder::borrow(const TensorPlan::Borrowed& from, TensorRecord& record) {
  ASSIGN_OR_RETURN(record.holder, dependency(from));
  const ParsedSegment& holder = mapped_[record.holder - 1].parsed;
  for (const TensorRecord& theirs : holder.tensors) {
    if (holder.name(theirs) != from.tensor || theirs.holder != 0) continue;
    record.offset = theirs.offset;
    record.hash = theirs.hash;
    return check_borrowed(record, holder);
  }
  return fail(ErrorCode::kInvalidArgument, "segment {} holds no tensor {} to borrow", from.segment,
              from.tensor);
}

Result<MappedSegment> map_holder(const TensorPlan::Borrowed& from) {
  if (from.fd >= 0) return map_segment({from.segment, from.fd});
  ASSIGN_OR_RETURN(const UniqueFd fd, open_segment_file(from.segment));
  return map_segment({from.segment, fd.get()});
}

Result<std::uint32_t> Builder::dependency(const TensorPlan::Borrowed& from) {
  const std::string& segment = from.segment;
  if (const auto known = holders_.find(segment); known != holders_.end()) return known->second;
  if (mapped_.size() == limits::kSegmentDependencies) {
    return fail(ErrorCode::kInvalidArgument, "more than {} segments to borrow from",
                limits::kSegmentDependencies);
  }
  ASSIGN_OR_RETURN(MappedSegment mapped, map_holder(from));
  DependencyRecord record{};
  record.name_offset = add_name(segment);
  record.name_bytes = static_cast<std::uint32_t>(segment.size());
  record.identity = mapped.parsed.header->identity;
  out_.dependencies.push_back(record);
  mapped_.push_back(std::move(mapped));
  return holders_[segment] = static_cast<std::uint32_t>(mapped_.size());
}

void Builder::add_section(SectionKind kind, std::uint64_t bytes) {
  SectionRecord record{};
  record.kind = static_cast<std::uint32_t>(kind);
  record.offset = out_.total_bytes;
  record.bytes = bytes;
  out_.sections.push_back(record);
  out_.total_bytes += align_up(bytes);
}

void Builder::place_sections(const SegmentContents& contents) {
  SegmentHeader& header = out_.header;
  header.magic = kSegmentMagic;
  header.format_version = kSegmentFormatVersion;
  header.kind = static_cast<std::uint32_t>(contents.kind);
  header.layout_fingerprint = layout_fingerprint();
  header.sections = contents.kind == SegmentKind::kModel || !contents.payload.empty() ? 5 : 4;
  out_.total_bytes = sizeof(SegmentHeader) + align_up(header.sections * sizeof(SectionRecord));
  add_section(SectionKind::kTensors, out_.tensors.size() * sizeof(TensorRecord));
  add_section(SectionKind::kDependencies, out_.dependencies.size() * sizeof(DependencyRecord));
  add_section(SectionKind::kNames, out_.names.size());
  add_section(SectionKind::kMetadata, out_.metadata.size());
  if (contents.kind == SegmentKind::kModel) {
    add_section(SectionKind::kTokenizer, contents.payload.size());
  } else if (!contents.payload.empty()) {
    add_section(SectionKind::kPayload, contents.payload.size());
  }
}

void Builder::place_tensors() {
  for (std::size_t i = 0; i < out_.tensors.size(); ++i) {
    TensorRecord& record = out_.tensors[i];
    if (out_.holds(i)) {
      record.offset = out_.total_bytes;
      out_.total_bytes += align_up(record.bytes);
    } else if (record.holder == 0) {
      record.offset = out_.tensors[out_.first[i]].offset;
    }
  }
  out_.header.total_bytes = out_.total_bytes;
}

Result<SegmentDirectory> Builder::build(const SegmentContents& contents,
                                        std::span<const TensorPlan> plan) {
  if (plan.size() > limits::kTensorsPerFile) {
    return fail(ErrorCode::kInvalidArgument, "{} tensors, more than {}", plan.size(),
                limits::kTensorsPerFile);
  }
  for (std::size_t i = 0; i < plan.size(); ++i) RETURN_IF_ERROR(add_tensor(plan[i], i));
  out_.metadata = contents.metadata;
  place_sections(contents);
  place_tensors();
  return std::move(out_);
}

}  // namespace

void SegmentDirectory::copy_shared_hashes() {
  for (std::size_t i = 0; i < tensors.size(); ++i) tensors[i].hash = tensors[first[i]].hash;
}

SectionRecord& SegmentDirectory::section(SectionKind kind) {
  return *std::ranges::find(sections, static_cast<std::uint32_t>(kind), &SectionRecord::kind);
}

Result<SegmentDirectory> plan_directory(const SegmentContents& contents,
                                        std::span<const TensorPlan> plan) {
  return Builder().build(contents, plan);
}

}  // namespace onecopy
