// What an operator (or a test) may set. The defaults are limits.h.
#pragma once

#include <chrono>
#include <cstddef>

#include "shared/base/clock.h"
#include "shared/base/limits.h"

namespace onecopy::gateway {

struct Settings {
  // Absolute deadlines: none of them starts again when a byte arrives.
  Milliseconds head = limits::kHeadDeadline;
  Milliseconds body = limits::kBodyDeadline;
  Milliseconds idle = limits::kIdleDeadline;
  Milliseconds idle_grace = limits::kIdleGrace;
  Milliseconds write = limits::kWriteDeadline;
  Milliseconds per_mib = limits::kPerMib;  // of a body or reply, added to the two before
  Milliseconds linger = limits::kLingerDeadline;
  Milliseconds request = limits::kRequestDeadline;
  Milliseconds drain = limits::kDrainDeadline;
  Milliseconds worker_silence = limits::kWorkerSilence;
  Milliseconds cancel_grace = limits::kCancelGrace;

  std::size_t connections = limits::kConnections;
  std::size_t buffered_bytes = limits::kBufferedBytes;
  std::size_t queued_items = limits::kQueuedItems;
  std::size_t answer_cache_bytes = 0;  // that answers are kept in; 0: none are
  unsigned cores = 1;                  // that the workers may use together
  bool ends_with_host = false;

  // Workers between their least and most number: see WorkerPool.
  Milliseconds add_workers_after = limits::kAddWorkersAfter;
  Milliseconds retire_workers_after = limits::kRetireWorkersAfter;
  Milliseconds worker_exit = limits::kWorkerExit;
};

}  // namespace onecopy::gateway
