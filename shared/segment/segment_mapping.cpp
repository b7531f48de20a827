#include "shared/segment/segment_mapping.h"

#include <sys/stat.h>

#include <boost/interprocess/exceptions.hpp>

#include "shared/segment/huge_pages.h"

namespace onecopy {
namespace {

namespace ipc = boost::interprocess;

// The library throws what the system said; here it becomes a value.
Result<ipc::mapped_region> map_read_only(const SegmentFile& file) {
  struct stat info {};
  if (::fstat(file.fd, &info) != 0) {
    return fail(ErrorCode::kSystem, "segment {}: cannot look at it: {}", file.name, errno_text());
  }
  if (!S_ISREG(info.st_mode) || info.st_size < static_cast<off_t>(sizeof(SegmentHeader))) {
    return fail(ErrorCode::kCorrupt, "segment {}: it has {} bytes, too few for a segment",
                file.name, info.st_size);
  }
  try {
    return map_for_huge_pages(file.fd, ipc::read_only, static_cast<std::size_t>(info.st_size));
  } catch (const ipc::interprocess_exception& e) {
    return fail(ErrorCode::kSystem, "segment {}: cannot map it: {}", file.name,
                errno_text(e.get_native_error()));
  }
}

}  // namespace

Result<MappedSegment> map_segment(const SegmentFile& file) {
  MappedSegment mapped;
  mapped.name = file.name;
  ASSIGN_OR_RETURN(mapped.region, map_read_only(file));
  auto parsed = parse_segment(
      {static_cast<const std::byte*>(mapped.region.get_address()), mapped.region.get_size()});
  if (!parsed) return in_context(fmt::format("segment {}", file.name), parsed.error());
  mapped.parsed = std::move(*parsed);
  return mapped;
}

}  // namespace onecopy
