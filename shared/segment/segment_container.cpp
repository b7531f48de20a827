#include "shared/segment/segment_container.h"

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
                                  SegmentCheck check) {
  ASSIGN_OR_RETURN(const SegmentFile file, find_file(available, name));
  ASSIGN_OR_RETURN(MappedSegment mapped, map_segment(file));
  if (check == SegmentCheck::kContents) {
    if (auto good = verify_contents(mapped.parsed); !good) {
      return in_context(fmt::format("segment {}", name), good.error());
    }
  }
  return mapped;
}

}  // namespace

struct SegmentContainer::State {
  MappedSegment own;
  std::vector<MappedSegment> dependencies;
  std::unordered_map<std::string_view, const TensorRecord*> by_name;

  const MappedSegment& holder(const TensorRecord& record) const {
    return record.holder == 0 ? own : dependencies[record.holder - 1];
  }
  TensorView view(const TensorRecord& record) const {
    return view_of(record, holder(record).parsed.bytes);
  }

  Status attach_dependencies(std::span<const SegmentFile> available, SegmentCheck check);
  Status index_tensors();
};

Status SegmentContainer::State::attach_dependencies(std::span<const SegmentFile> available,
                                                    SegmentCheck check) {
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

Status SegmentContainer::State::index_tensors() {
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

Result<SegmentContainer> SegmentContainer::open(std::span<const SegmentFile> available,
                                                std::string_view name, SegmentCheck check) {
  auto state = std::make_unique<State>();
  ASSIGN_OR_RETURN(state->own, map_checked(available, name, check));
  RETURN_IF_ERROR(state->attach_dependencies(available, check));
  RETURN_IF_ERROR(state->index_tensors());
  return SegmentContainer(std::move(state));
}

Result<SegmentContainer> SegmentContainer::open(const std::string& name, SegmentCheck check) {
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

SegmentContainer::SegmentContainer(std::unique_ptr<State> state) : state_(std::move(state)) {}
SegmentContainer::SegmentContainer(SegmentContainer&&) noexcept = default;
SegmentContainer& SegmentContainer::operator=(SegmentContainer&&) noexcept = default;
SegmentContainer::~SegmentContainer() = default;

const std::string& SegmentContainer::name() const { return state_->own.name; }
SegmentKind SegmentContainer::kind() const { return state_->own.parsed.kind(); }
std::size_t SegmentContainer::bytes() const { return state_->own.parsed.bytes.size(); }
std::string_view SegmentContainer::metadata() const {
  return state_->own.parsed.text(SectionKind::kMetadata);
}
std::span<const std::byte> SegmentContainer::section(SectionKind kind) const {
  return state_->own.parsed.section(kind);
}

Result<TensorView> SegmentContainer::tensor(std::string_view name) const {
  const auto found = state_->by_name.find(name);
  if (found == state_->by_name.end()) {
    return fail(ErrorCode::kCorrupt, "segment {} has no tensor {}", this->name(), name);
  }
  return state_->view(*found->second);
}

std::vector<SegmentContainer::Entry> SegmentContainer::entries() const {
  std::vector<Entry> list;
  for (const TensorRecord& record : state_->own.parsed.tensors) {
    list.push_back({.name = state_->own.parsed.name(record),
                    .view = state_->view(record),
                    .segment = state_->holder(record).name,
                    .hash = record.hash});
  }
  return list;
}

std::vector<std::string> SegmentContainer::dependencies() const {
  std::vector<std::string> names;
  for (const MappedSegment& mapped : state_->dependencies) names.push_back(mapped.name);
  return names;
}

}  // namespace onecopy
