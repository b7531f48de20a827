// The fork server: a process whose kernels are chosen and checked (and, where used, whose libtorch
// is loaded), and which forks workers from that state. A forked worker is ready in milliseconds and
// shares all of the nursery's memory until it writes.
#pragma once

#include <string>

#include "shared/base/json.h"
#include "shared/base/unique_fd.h"

namespace onecopy::worker {

struct NurseryOptions {
  std::string instance;
  UniqueFd rendezvous;   // where hosts connect (shared/protocol/rendezvous.h)
  Json arithmetic;       // what the host is told beside the hello (arithmetic.h)
  unsigned threads = 1;  // of a worker at most
  bool end_alone =
      false;  // once the host is gone and the gateway has drained; else it waits for both
};

// After settle_back_ends (arithmetic.h). Forks workers on the gateway's word and trials on the
// host's until the host says stop, or neither has been there for limits::kAloneDeadline; returns
// the exit code. Runs no thread of its own: a fork copies only the calling thread, and libtorch's
// pools do not survive it. `argv` is main's.
int run_nursery(NurseryOptions options, char** argv);

}  // namespace onecopy::worker
