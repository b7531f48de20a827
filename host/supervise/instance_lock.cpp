#include "host/supervise/instance_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <optional>

#include "shared/segment/names.h"

namespace onecopy::host {
namespace {

constexpr int kAttempts = 100;

// Whether the file that is locked is still the one of that name: another process may have removed
// it between our open and our lock.
bool has_name(int fd, const std::string& path) {
  struct stat ours {};
  struct stat named {};
  return ::fstat(fd, &ours) == 0 && ::stat(path.c_str(), &named) == 0 &&
         ours.st_ino == named.st_ino;
}

std::string owner_of(int fd) {
  std::array<char, 32> text{};
  const ssize_t got = ::pread(fd, text.data(), text.size() - 1, 0);
  return got > 0 ? text.data() : "unknown";
}

// Nothing: the file was removed meanwhile, try again.
Result<std::optional<UniqueFd>> try_lock(const std::string& instance, const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) return fail(ErrorCode::kSystem, "{}: cannot open: {}", path, errno_text());
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    return fail(
        ErrorCode::kBusy,
        "instance {} is already running (process {}); stop it or choose another --instance NAME",
        instance, owner_of(fd.get()));
  }
  if (!has_name(fd.get(), path)) return std::optional<UniqueFd>();
  return std::optional<UniqueFd>(std::move(fd));
}

}  // namespace

Result<InstanceLock> InstanceLock::acquire(const std::string& instance) {
  const std::string path = shared_memory_path(format_lock_name(instance));
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    ASSIGN_OR_RETURN(auto fd, try_lock(instance, path));
    if (!fd) continue;
    const std::string owner = std::to_string(::getpid());
    if (::ftruncate(fd->get(), 0) != 0 ||
        ::pwrite(fd->get(), owner.data(), owner.size(), 0) != static_cast<ssize_t>(owner.size())) {
      return fail(ErrorCode::kSystem, "{}: cannot write: {}", path, errno_text());
    }
    return InstanceLock(instance, std::move(*fd));
  }
  return fail(ErrorCode::kBusy, "instance {}: its lock file keeps changing hands", instance);
}

InstanceLock::~InstanceLock() {
  if (fd_) ::unlink(shared_memory_path(format_lock_name(instance_)).c_str());
}

std::vector<std::string> InstanceLock::remove_leftovers() const {
  std::vector<std::string> removed = list_segments(instance_);
  for (const std::string& name : removed) ::unlink(shared_memory_path(name).c_str());
  return removed;
}

}  // namespace onecopy::host
