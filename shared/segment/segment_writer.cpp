#include "shared/segment/segment_writer.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <boost/interprocess/exceptions.hpp>
#include <boost/interprocess/mapped_region.hpp>
#include <boost/interprocess/shared_memory_object.hpp>
#include <cerrno>
#include <cstring>
#include <limits>

#include "shared/base/checksum.h"
#include "shared/base/run_on_cores.h"
#include "shared/segment/huge_pages.h"
#include "shared/segment/names.h"
#include "shared/segment/segment_directory.h"

namespace onecopy {
namespace {

namespace ipc = boost::interprocess;

Status no_room(const std::string& name, std::uint64_t bytes, std::uint64_t free, int error) {
  return fail(ErrorCode::kSystem,
              "segment {} needs {} bytes, {} are free in {} ({}): make room or enlarge it", name,
              bytes, free, kSharedMemoryFolder, errno_text(error));
}

std::uint64_t free_bytes() {
  struct statvfs info {};
  if (::statvfs(std::string(kSharedMemoryFolder).c_str(), &info) != 0) return 0;
  if (info.f_blocks == 0) return std::numeric_limits<std::uint64_t>::max();  // it has no limit
  return static_cast<std::uint64_t>(info.f_bavail) * info.f_frsize;
}

// Boost's truncate takes no pages: on a full /dev/shm the first write to one would be SIGBUS. This
// takes every page now that there is not yet, or says that it cannot.
Status reserve_pages(int fd, const std::string& name, std::uint64_t bytes) {
  int error = EINTR;
  while (error == EINTR) error = ::posix_fallocate(fd, 0, static_cast<off_t>(bytes));
  return error == 0 ? Status() : no_room(name, bytes, free_bytes(), error);
}

Hash128 hash_of(std::span<const std::byte> bytes, std::uint64_t offset, std::uint64_t size) {
  return content_hash(bytes.subspan(offset, align_up(size)));
}

template <class T>
void copy_to(std::span<std::byte> bytes, std::uint64_t offset, const T& list) {
  const auto source = std::as_bytes(std::span(list));
  if (!source.empty()) std::memcpy(bytes.data() + offset, source.data(), source.size());
}

}  // namespace

struct SegmentWriter::State {
  std::string name;
  std::string loading_name;
  SegmentDirectory directory;
  ipc::shared_memory_object object;
  ipc::mapped_region region;
  bool unpublished = false;  // the loading name exists

  ~State() {
    if (unpublished) ipc::shared_memory_object::remove(loading_name.c_str());
  }
  std::span<std::byte> bytes() {
    return {static_cast<std::byte*>(region.get_address()), region.get_size()};
  }
  Status create_object();
  void write_directory();
  void seal_tensors();
  void write_header();
  Status rename();
};

Status SegmentWriter::State::create_object() {
  const std::uint64_t bytes = directory.total_bytes;
  if (const auto free = free_bytes(); bytes > free) return no_room(name, bytes, free, ENOSPC);
  try {
    ipc::permissions owner_only(0600);
    object = ipc::shared_memory_object(ipc::create_only, loading_name.c_str(), ipc::read_write,
                                       owner_only);
    unpublished = true;
    object.truncate(static_cast<ipc::offset_t>(bytes));
    const int fd = object.get_mapping_handle().handle;
    region = map_for_huge_pages(fd, ipc::read_write, bytes);
    take_huge_pages(fd, region);
    return reserve_pages(fd, name, bytes);
  } catch (const ipc::interprocess_exception& e) {
    if (e.get_error_code() == ipc::already_exists_error) {
      return fail(ErrorCode::kSystem, "segment {} exists already: run 'onecopy clean'",
                  loading_name);
    }
    return fail(ErrorCode::kSystem, "segment {}: cannot create it: {}", name,
                errno_text(e.get_native_error()));
  }
}

// Everything that is known before the tensors are.
void SegmentWriter::State::write_directory() {
  const auto write = [&](SectionKind kind, const auto& list) {
    copy_to(bytes(), directory.section(kind).offset, list);
  };
  write(SectionKind::kNames, directory.names);
  write(SectionKind::kMetadata, directory.metadata);
  write(SectionKind::kDependencies, directory.dependencies);
}

// Tensors differ in size by a factor of 10^5: threads take the next one when they are done.
void SegmentWriter::State::seal_tensors() {
  run_on_cores(directory.tensors.size(), [&](SharedItems& items) {
    while (const auto i = items.take()) {
      if (!directory.holds(*i)) continue;
      TensorRecord& record = directory.tensors[*i];
      record.hash = hash_of(bytes(), record.offset, record.bytes);
    }
  });
  directory.copy_shared_hashes();
}

void SegmentWriter::State::write_header() {
  SegmentHeader& header = directory.header;
  copy_to(bytes(), directory.section(SectionKind::kTensors).offset, directory.tensors);
  for (SectionRecord& record : directory.sections)
    record.hash = hash_of(bytes(), record.offset, record.bytes);
  copy_to(bytes(), sizeof(header), directory.sections);
  header.sections_hash =
      hash_of(bytes(), sizeof(header), directory.sections.size() * sizeof(SectionRecord));
  const auto head = std::as_bytes(std::span(&header, 1));
  header.header_hash = content_hash(head.first(offsetof(SegmentHeader, header_hash)));
  std::memcpy(bytes().data(), &header, sizeof(header));
}

// POSIX has no rename of shared memory, but on Linux the names are files in /dev/shm.
// RENAME_NOREPLACE: a published segment is never overwritten.
Status SegmentWriter::State::rename() {
  if (::fchmod(object.get_mapping_handle().handle, 0400) != 0 ||
      ::renameat2(AT_FDCWD, shared_memory_path(loading_name).c_str(), AT_FDCWD,
                  shared_memory_path(name).c_str(), RENAME_NOREPLACE) != 0) {
    return fail(ErrorCode::kSystem, "segment {}: cannot publish it: {}", name, errno_text());
  }
  unpublished = false;
  // Nobody writes it from now on, not even its writer.
  ::mprotect(region.get_address(), region.get_size(), PROT_READ);
  return {};
}

std::vector<std::uint64_t> TensorPlan::shape() const {
  if (dims) return *dims;
  return {rows, cols};
}

std::uint64_t TensorPlan::bytes() const {
  return stored_bytes(static_cast<std::uint32_t>(layout), static_cast<std::uint32_t>(dtype),
                      shape())
      .value_or(0);
}

Result<SegmentWriter> SegmentWriter::create(const std::string& name, const ModelInfo& info,
                                            std::span<const std::byte> tokenizer_image,
                                            const std::vector<TensorPlan>& plan) {
  RETURN_IF_ERROR(check(info));
  return create(
      name, {.kind = SegmentKind::kModel, .metadata = to_json(info), .payload = tokenizer_image},
      plan);
}

Result<SegmentWriter> SegmentWriter::create(const std::string& name,
                                            const SegmentContents& contents,
                                            const std::vector<TensorPlan>& plan) {
  auto state = std::make_unique<State>();
  state->name = name;
  state->loading_name = name + std::string(kLoadingSuffix);
  ASSIGN_OR_RETURN(state->directory, plan_directory(contents, plan));
  SegmentIdentity& identity = state->directory.header.identity;
  if (::getrandom(identity.data(), sizeof(identity), 0) != static_cast<ssize_t>(sizeof(identity))) {
    return fail(ErrorCode::kSystem, "segment {}: no random numbers: {}", name, errno_text());
  }
  RETURN_IF_ERROR(state->create_object());
  state->write_directory();
  // A model's tokenizer or another kind's payload is the last section.
  if (!contents.payload.empty())
    copy_to(state->bytes(), state->directory.sections.back().offset, contents.payload);
  return SegmentWriter(std::move(state));
}

SegmentWriter::SegmentWriter(std::unique_ptr<State> state) : state_(std::move(state)) {}
SegmentWriter::SegmentWriter(SegmentWriter&&) noexcept = default;
SegmentWriter& SegmentWriter::operator=(SegmentWriter&&) noexcept = default;
SegmentWriter::~SegmentWriter() = default;

std::span<std::byte> SegmentWriter::tensor(std::size_t i) {
  if (!state_->directory.holds(i)) return {};
  const TensorRecord& record = state_->directory.tensors[i];
  return state_->bytes().subspan(record.offset, record.bytes);
}

std::size_t SegmentWriter::bytes() const { return state_->directory.total_bytes; }

Status SegmentWriter::publish() {
  state_->seal_tensors();
  state_->write_header();
  return state_->rename();
}

Status unlink_segment(const std::string& name) {
  if (::unlink(shared_memory_path(name).c_str()) == 0) return {};
  const ErrorCode code = errno == ENOENT ? ErrorCode::kNotFound : ErrorCode::kSystem;
  return fail(code, "segment {}: cannot remove it: {}", name, errno_text());
}

}  // namespace onecopy
