// Starts one of onecopy's other programs.
#pragma once

#include <sys/types.h>

#include <span>
#include <string>
#include <vector>

#include "shared/base/status.h"
#include "shared/base/unique_fd.h"

namespace onecopy::host {

struct StartedProcess {
  pid_t pid = -1;
  UniqueFd pidfd;
};

// Runs the program of this name from the folder of our own, with `arguments` after its name. It
// inherits the descriptors in `inherited` and no other (all of ours close on exec), and default
// signal handling.
Result<StartedProcess> start_program(const std::string& name,
                                     const std::vector<std::string>& arguments,
                                     std::span<const int> inherited);

// The pidfd of a child just forked; the child is killed and reaped where there is none.
Result<StartedProcess> watched_child(pid_t pid);

}  // namespace onecopy::host
