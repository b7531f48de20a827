// Work that must not be able to hurt the host, or to keep it waiting: in a forked child.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "host/supervise/child_process.h"
#include "shared/base/status.h"
#include "shared/base/unique_fd.h"

namespace onecopy::host {

struct ForkedTask {
  StartedProcess process;
  UniqueFd channel;  // its other end is the child's only one: it closes with the child
};

// Runs `body` with its end of a channel in a child that has `name` in ps, a process group of its
// own (a signal from a terminal is not for it), a bound on its memory, no descriptor but standard
// ones, `kept` and the channel, and that dies with us. The child ends with what the body returns;
// no destructor of ours runs there. We must have one thread.
Result<ForkedTask> fork_task(const std::string& name, std::vector<int> kept,
                             const std::function<int(int channel)>& body);

}  // namespace onecopy::host
