// A worker's life: asleep in the kernel until the gateway wakes it, one batch of requests at a
// time.
#pragma once

#include "shared/base/unique_fd.h"
#include "worker/answer/served_model.h"

namespace onecopy::worker {

// Serves the gateway at the other end of `socket` until it closes; returns the process's exit code.
// At most `threads` compute one batch together, at any moment as many as the gateway grants.
// `models` are those that the nursery had attached; others are attached at their first request.
int serve(UniqueFd socket, unsigned threads, ServedModels models);

}  // namespace onecopy::worker
