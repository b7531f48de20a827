// A worker's life: asleep in the kernel until the gateway wakes it, one request at a time.
#pragma once

#include "shared/unique_fd.h"

namespace onecopy::worker {

// Serves the gateway at the other end of `socket` until it closes; returns the process's exit code.
// `threads` compute one request together.
int serve(UniqueFd socket, unsigned threads);

}  // namespace onecopy::worker
