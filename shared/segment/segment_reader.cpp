#include "shared/segment/segment_reader.h"

#include <algorithm>
#include <unordered_map>

#include "shared/segment/segment_head.h"
#include "shared/segment/segment_mapping.h"

namespace onecopy {
namespace {

Result<SegmentFile> find_file(std::span<const SegmentFile> available, std::string_view name) {
  const auto found = std::ranges::find(available, name, &SegmentFile::name);
  if (found != available.end()) return *found;
  return fail(ErrorCode::kNotFound, "segment {} was not handed over", name);
}

Result<MappedSegment> map_checked(std::span<const SegmentFile> available, std::string_view name,
                                  Segment::Check check) {
  ASSIGN_OR_RETURN(const SegmentFile file, find_file(available, name));
  ASSIGN_OR_RETURN(MappedSegment mapped, map_segment(file));
  if (check == Segment::Check::kContents) {
    if (auto good = verify_contents(mapped.parsed); !good) {
      return in_context(fmt::format("segment {}", name), good.error());
    }
  }
  return mapped;
}

}  // namespace

struct Segment::State {
  MappedSegment own;
  ModelInfo info;
  std::vector<MappedSegment> dependencies;
  std::unordered_map<std::string_view, const TensorRecord*> by_name;

  const MappedSegment& holder(const TensorRecord& record) const {
    return record.holder == 0 ? own : dependencies[record.holder - 1];
  }
  TensorView view(const TensorRecord& record) const {
    return view_of(record, holder(record).parsed.bytes);
  }

  Status attach_dependencies(std::span<const SegmentFile> available, Check check);
  Status index_tensors();
};

Status Segment::State::attach_dependencies(std::span<const SegmentFile> available, Check check) {
  for (const DependencyRecord& record : own.parsed.dependencies) {
    const std::string name(own.parsed.name(record));
    auto mapped = map_checked(available, name, check);
    if (!mapped) return in_context(fmt::format("segment {} borrows", own.name), mapped.error());
    if (mapped->parsed.header->identity != record.identity) {
      return fail(ErrorCode::kCorrupt,
                  "segment {} borrows from another segment than the one now named {}", own.name,
                  name);
    }
    dependencies.push_back(std::move(*mapped));
  }
  return {};
}

Status Segment::State::index_tensors() {
  for (const TensorRecord& record : own.parsed.tensors) {
    const std::string_view name = own.parsed.name(record);
    if (record.holder != 0) {
      if (auto good = check_borrowed(record, holder(record).parsed); !good) {
        return in_context(fmt::format("segment {}: tensor {}", own.name, name), good.error());
      }
    }
    by_name.emplace(name, &record);
  }
  return {};
}

Result<Segment> Segment::open(std::span<const SegmentFile> available, std::string_view name,
                              Check check) {
  auto state = std::make_unique<State>();
  ASSIGN_OR_RETURN(state->own, map_checked(available, name, check));
  auto info = model_info_from_json(state->own.parsed.metadata);
  if (!info) {
    return fail(ErrorCode::kCorrupt, "segment {}: its metadata: {}", name, info.error().text);
  }
  state->info = std::move(*info);
  RETURN_IF_ERROR(state->attach_dependencies(available, check));
  RETURN_IF_ERROR(state->index_tensors());
  return Segment(std::move(state));
}

Result<Segment> Segment::open(const std::string& name, Check check) {
  ASSIGN_OR_RETURN(UniqueFd own, open_segment_file(name));
  std::vector<SegmentFile> files = {{name, own.get()}};
  ASSIGN_OR_RETURN(const SegmentHead head, read_segment_head(files.front()));
  std::vector<UniqueFd> others;
  for (const std::string& other : head.borrows_from) {
    auto fd = open_segment_file(other);
    if (!fd) return in_context(fmt::format("segment {} borrows", name), fd.error());
    files.push_back({other, fd->get()});
    others.push_back(std::move(*fd));
  }
  return open(files, name, check);
}

Segment::Segment(std::unique_ptr<State> state) : state_(std::move(state)) {}
Segment::Segment(Segment&&) noexcept = default;
Segment& Segment::operator=(Segment&&) noexcept = default;
Segment::~Segment() = default;

const std::string& Segment::name() const { return state_->own.name; }
const ModelInfo& Segment::info() const { return state_->info; }
std::span<const std::byte> Segment::tokenizer_image() const { return state_->own.parsed.tokenizer; }
std::size_t Segment::bytes() const { return state_->own.parsed.bytes.size(); }

Result<TensorView> Segment::tensor(std::string_view name, Layout layout, DType dtype,
                                   std::size_t rows, std::size_t cols) const {
  const auto found = state_->by_name.find(name);
  if (found == state_->by_name.end()) {
    return fail(ErrorCode::kCorrupt, "segment {} has no tensor {}", this->name(), name);
  }
  const TensorView view = state_->view(*found->second);
  if (view.layout != layout || view.dtype != dtype || view.rows != rows || view.cols != cols) {
    return fail(ErrorCode::kCorrupt,
                "segment {}: tensor {} has shape [{}, {}] in {} {}, not [{}, {}] in {} {}",
                this->name(), name, view.rows, view.cols, to_string(view.dtype),
                to_string(view.layout), rows, cols, to_string(dtype), to_string(layout));
  }
  return view;
}

std::vector<Segment::Entry> Segment::entries() const {
  std::vector<Entry> list;
  for (const TensorRecord& record : state_->own.parsed.tensors) {
    list.push_back(
        {state_->own.parsed.name(record), state_->view(record), state_->holder(record).name});
  }
  return list;
}

std::vector<std::string> Segment::dependencies() const {
  std::vector<std::string> names;
  for (const MappedSegment& mapped : state_->dependencies) names.push_back(mapped.name);
  return names;
}

}  // namespace onecopy
