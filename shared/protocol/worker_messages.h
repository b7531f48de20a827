// What gateway and worker say over the worker's socket, beside the mailbox (mailbox_format.h).
//
// gateway -> worker: kGreeting + mailbox, once. To let it serve a segment: kFile + descriptor for
// each segment that it borrows from and for itself, then kAttach; kDetach when nobody asks for it
// any more: the worker unmaps it. kWake: a batch is in the mailbox.
// worker -> gateway: kWake with the batch's epoch: the replies are in the mailbox.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "shared/base/status.h"
#include "shared/base/unique_fd.h"

namespace onecopy {

enum class WorkerSays : std::uint32_t { kGreeting = 1, kFile, kAttach, kDetach, kWake };

struct WorkerMessage {
  WorkerSays kind = WorkerSays::kWake;
  std::uint64_t epoch = 0;  // kWake
  std::string segment;      // kFile, kAttach, kDetach
  UniqueFd fd;              // kGreeting, kFile
};

// `fd` is borrowed. Errors as send_message's.
Status send_worker_message(int socket, WorkerSays kind, std::string_view segment = {}, int fd = -1);
Status send_wake(int socket, std::uint64_t epoch);
// Errors as receive_message's; kCorrupt for what is no such message.
Result<WorkerMessage> receive_worker_message(int socket);

}  // namespace onecopy
