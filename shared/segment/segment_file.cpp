#include "shared/segment/segment_file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

#include "shared/segment/names.h"

namespace onecopy {
namespace {

constexpr mode_t kWriteBits = S_IWUSR | S_IWGRP | S_IWOTH;

Status check_file(const std::string& name, const struct stat& file) {
  if (!S_ISREG(file.st_mode)) {
    return fail(ErrorCode::kCorrupt, "segment {}: it is not a plain file", name);
  }
  if (file.st_uid != ::geteuid() && file.st_uid != 0) {
    return fail(ErrorCode::kCorrupt, "segment {}: it belongs to user {}", name, file.st_uid);
  }
  if ((file.st_mode & kWriteBits) != 0) {
    return fail(ErrorCode::kCorrupt, "segment {}: its mode {:04o} lets it be written", name,
                file.st_mode & 07777U);
  }
  return {};
}

}  // namespace

// O_NONBLOCK: a pipe of this name must not hold the opener.
Result<UniqueFd> open_segment_file(const std::string& name) {
  const auto parsed = parse_segment_name(name);
  if (!parsed || parsed->loading) {
    return fail(ErrorCode::kNotFound, "segment {}: not a published segment's name", name);
  }
  UniqueFd fd(
      ::open(shared_memory_path(name).c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
  if (!fd) {
    const ErrorCode code = errno == ENOENT  ? ErrorCode::kNotFound
                           : errno == ELOOP ? ErrorCode::kCorrupt
                                            : ErrorCode::kSystem;
    return fail(code, "segment {}: cannot open it: {}", name, errno_text());
  }
  struct stat file {};
  if (::fstat(fd.get(), &file) != 0) {
    return fail(ErrorCode::kSystem, "segment {}: cannot look at it: {}", name, errno_text());
  }
  RETURN_IF_ERROR(check_file(name, file));
  return fd;
}

}  // namespace onecopy
