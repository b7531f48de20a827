// The fork server: a process that has libtorch loaded and its kernels checked, and forks workers
// from that state. A forked worker is ready in milliseconds and shares all of the nursery's memory
// until it writes.
#pragma once

#include "shared/base/unique_fd.h"

namespace onecopy::worker {

struct NurseryOptions {
  UniqueFd control;      // channel to the host (shared/control.h)
  unsigned threads = 1;  // of a worker at most
};

// After settle_back_ends (arithmetic.h). Runs until the host says stop or closes the channel;
// returns the exit code. Runs no thread of its own: a fork copies only the calling thread, and
// libtorch's pools do not survive it. `argv` is main's.
int run_nursery(NurseryOptions options, char** argv);

}  // namespace onecopy::worker
