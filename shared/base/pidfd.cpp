#include "shared/base/pidfd.h"

#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace onecopy {

// By number: not every libc has wrappers for these that C++ can link.

Result<UniqueFd> open_pidfd(pid_t pid) {
  UniqueFd fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!fd) return fail(ErrorCode::kSystem, "cannot watch process {}: {}", pid, errno_text());
  return fd;
}

bool send_signal(int pidfd, int signal) {
  return ::syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0) == 0;
}

std::optional<int> reap(int pidfd) {
  siginfo_t info{};
  if (::waitid(P_PIDFD, static_cast<id_t>(pidfd), &info, WEXITED | WNOHANG) != 0) return {};
  if (info.si_pid == 0) return {};
  return info.si_code == CLD_EXITED ? W_EXITCODE(info.si_status, 0) : info.si_status;
}

}  // namespace onecopy
