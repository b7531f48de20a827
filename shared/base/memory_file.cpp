#include "shared/base/memory_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace onecopy {
namespace {

constexpr int kSeals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

}  // namespace

Result<UniqueFd> make_memory_file(const char* label, std::string_view bytes) {
  UniqueFd fd(::memfd_create(label, MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd) return fail(ErrorCode::kSystem, "cannot create a memory file: {}", errno_text());
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd.get(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) {
      return fail(ErrorCode::kSystem, "cannot write a memory file: {}", errno_text());
    }
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  if (::fcntl(fd.get(), F_ADD_SEALS, kSeals) != 0) {
    return fail(ErrorCode::kSystem, "cannot seal a memory file: {}", errno_text());
  }
  return fd;
}

Result<std::string> read_memory_file(int fd, std::size_t most) {
  struct stat facts {};
  if (::fstat(fd, &facts) != 0) {
    return fail(ErrorCode::kCorrupt, "memory file: {}", errno_text());
  }
  // Unsealed, it could shrink or change while it is read.
  const int seals = ::fcntl(fd, F_GET_SEALS);
  if (seals < 0 || (seals & kSeals) != kSeals)  // the system may have added others
    return fail(ErrorCode::kCorrupt, "memory file: not sealed");
  const auto bytes = static_cast<std::uint64_t>(facts.st_size);
  if (bytes > most) {
    return fail(ErrorCode::kCorrupt, "memory file: {} bytes, at most {} expected", bytes, most);
  }
  std::string text(static_cast<std::size_t>(bytes), '\0');
  std::size_t done = 0;
  while (done < text.size()) {
    const ssize_t got =
        ::pread(fd, text.data() + done, text.size() - done, static_cast<off_t>(done));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return fail(ErrorCode::kSystem, "memory file: cannot read it: {}", errno_text());
    done += static_cast<std::size_t>(got);
  }
  return text;
}

}  // namespace onecopy
