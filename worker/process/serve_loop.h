// A worker's life: asleep in the kernel until the gateway says something; one batch of requests at
// a time.
#pragma once

#include "shared/base/unique_fd.h"

namespace onecopy::worker {

// Serves the gateway at the other end of `socket` (shared/protocol/worker_messages.h) until it
// closes; returns the process's exit code. At most `threads` compute one batch together, at any
// moment as many as the gateway grants.
int serve(UniqueFd socket, unsigned threads);

}  // namespace onecopy::worker
