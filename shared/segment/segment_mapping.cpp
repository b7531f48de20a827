#include "shared/segment/segment_mapping.h"

#include <boost/interprocess/exceptions.hpp>
#include <boost/interprocess/shared_memory_object.hpp>
#include <system_error>

#include "shared/segment/huge_pages.h"

namespace onecopy {
namespace {

namespace ipc = boost::interprocess;

// The library throws what the system said; here it becomes a value.
Result<ipc::mapped_region> map_read_only(const std::string& name) {
  try {
    const ipc::shared_memory_object object(ipc::open_only, name.c_str(), ipc::read_only);
    ipc::offset_t size = 0;
    if (!object.get_size(size) || size < static_cast<ipc::offset_t>(sizeof(SegmentHeader))) {
      return fail(ErrorCode::kCorrupt, "segment {}: it has {} bytes, too few for a segment", name,
                  size);
    }
    return map_for_huge_pages(object, ipc::read_only, static_cast<std::size_t>(size));
  } catch (const ipc::interprocess_exception& e) {
    const bool missing = e.get_error_code() == ipc::not_found_error;
    return fail(missing ? ErrorCode::kNotFound : ErrorCode::kSystem,
                "segment {}: cannot map it: {}", name, errno_text(e.get_native_error()));
  }
}

}  // namespace

Result<MappedSegment> map_segment(const std::string& name) {
  MappedSegment mapped;
  mapped.name = name;
  ASSIGN_OR_RETURN(mapped.region, map_read_only(name));
  auto parsed = parse_segment(
      {static_cast<const std::byte*>(mapped.region.get_address()), mapped.region.get_size()});
  if (!parsed) return in_context(fmt::format("segment {}", name), parsed.error());
  mapped.parsed = std::move(*parsed);
  return mapped;
}

}  // namespace onecopy
