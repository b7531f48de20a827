#include "host/load/forked_task.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <exception>
#include <utility>

#include "host/supervise/signals.h"
#include "shared/base/limits.h"
#include "shared/base/log.h"
#include "shared/base/process.h"
#include "shared/protocol/channel.h"

namespace onecopy::host {
namespace {

// When memory runs out, the kernel should take the loader, not who serves.
void offer_to_oom_killer() {
  const UniqueFd file(::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC));
  if (file) [[maybe_unused]]
    const ssize_t written = ::write(file.get(), "500", 3);
}

void set_up_child(const std::string& name, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);  // it died before that
  ::setpgid(0, 0);
  unblock_signals();
  set_process_name(name);
  offer_to_oom_killer();
  // Sanitizers reserve terabytes.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  const rlimit bound{limits::kLoaderBytes, limits::kLoaderBytes};
  ::setrlimit(RLIMIT_DATA, &bound);
#endif
}

}  // namespace

Result<ForkedTask> fork_task(const std::string& name, std::vector<int> kept,
                             const std::function<int(int channel)>& body) {
  ASSIGN_OR_RETURN(auto ends, make_channel());
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return fail(ErrorCode::kSystem, "cannot start {}: {}", name, errno_text());
  if (pid == 0) {
    set_up_child(name, parent);
    kept.push_back(ends.second.get());
    close_descriptors_except(kept);
    try {
      ::_exit(body(ends.second.get()));
    } catch (const std::exception& e) {
      log_line(e.what(), LogLevel::kError);
      ::_exit(1);
    }
  }
  ASSIGN_OR_RETURN(StartedProcess process, watched_child(pid));
  return ForkedTask{std::move(process), std::move(ends.first)};
}

}  // namespace onecopy::host
