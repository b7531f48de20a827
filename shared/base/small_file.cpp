#include "shared/base/small_file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <fstream>
#include <sstream>
#include <system_error>
#include <utility>

#include "shared/base/limits.h"
#include "shared/base/unique_fd.h"

namespace onecopy {
namespace {

// Which errors are the path's fault rather than the machine's.
ErrorCode code_of(int error) {
  switch (error) {
    case ENOENT:
      return ErrorCode::kNotFound;
    case EACCES:
    case ELOOP:
    case ENOTDIR:
    case EISDIR:
    case ENXIO:
    case ENAMETOOLONG:
      return ErrorCode::kInvalidArgument;
    default:
      return ErrorCode::kSystem;
  }
}

tl::unexpected<Error> unreadable(const std::filesystem::path& path) {
  return fail(code_of(errno), "{}: cannot read: {}", path.string(), errno_text());
}

}  // namespace

Result<std::string> read_small_file(const std::filesystem::path& path) {
  // Without O_NONBLOCK, opening a pipe would wait for its writer.
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat info {};
  if (!fd || ::fstat(fd.get(), &info) != 0) return unreadable(path);
  if (!S_ISREG(info.st_mode)) {
    return fail(ErrorCode::kInvalidArgument, "{}: not a file", path.string());
  }
  if (static_cast<std::size_t>(info.st_size) > limits::kJsonFileBytes) {
    return fail(ErrorCode::kTooLarge, "{}: {} bytes, more than the {} that such a file may have",
                path.string(), info.st_size, limits::kJsonFileBytes);
  }
  std::string text(static_cast<std::size_t>(info.st_size), '\0');
  std::size_t have = 0;
  while (have < text.size()) {
    const ssize_t got = ::read(fd.get(), text.data() + have, text.size() - have);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return unreadable(path);
    if (got == 0) break;  // it shrank meanwhile: its parser will say what is missing
    have += static_cast<std::size_t>(got);
  }
  text.resize(have);
  return text;
}

std::string read_kernel_file(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();  // stops at an error; an istreambuf_iterator would throw it
  return std::move(text).str();
}

bool is_there(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}

}  // namespace onecopy
