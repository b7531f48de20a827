// Processes by descriptor: unlike a number, it never comes to mean another process, and its end is
// an event (EPOLLIN).
#pragma once

#include <sys/types.h>

#include <optional>

#include "shared/base/status.h"
#include "shared/base/unique_fd.h"

namespace onecopy {

// Closes on exec.
Result<UniqueFd> open_pidfd(pid_t pid);

// False: it has ended.
bool send_signal(int pidfd, int signal);

// Of a child that has ended: its status, as waitpid gives it (how_it_ended says it in words), and
// the child is gone for good. Nothing: it has not ended, or is not ours. Never waits.
std::optional<int> reap(int pidfd);

}  // namespace onecopy
