#include "host/supervise/child_process.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <utility>

#include "shared/base/pidfd.h"
#include "shared/base/process.h"

namespace onecopy::host {

Result<StartedProcess> watched_child(pid_t pid) {
  auto pidfd = open_pidfd(pid);
  if (pidfd) return StartedProcess{pid, std::move(*pidfd)};
  ::kill(pid, SIGKILL);  // its number is its own until it is reaped
  ::waitpid(pid, nullptr, 0);
  return tl::unexpected<Error>(pidfd.error());
}

Result<StartedProcess> start_program(const std::string& name,
                                     const std::vector<std::string>& arguments,
                                     std::span<const int> inherited) {
  const std::string path = (program_folder() / name).string();
  std::vector<char*> argv{const_cast<char*>(name.c_str())};
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  // A failed exec shows only in the child; a file that cannot be run is known beforehand.
  if (::access(path.c_str(), X_OK) != 0) {
    return fail(ErrorCode::kSystem, "cannot run {}: {}", path, errno_text());
  }
  const pid_t pid = ::fork();
  if (pid < 0) return fail(ErrorCode::kSystem, "cannot start {}: {}", path, errno_text());
  if (pid > 0) return watched_child(pid);
  // Only async-signal-safe calls from here on.
  for (const int fd : inherited) ::fcntl(fd, F_SETFD, 0);
  sigset_t none;
  sigemptyset(&none);
  // NOLINTNEXTLINE(concurrency-mt-unsafe): the child has one thread
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execv(path.c_str(), argv.data());
  ::_exit(127);
}

}  // namespace onecopy::host
