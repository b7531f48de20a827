// Messages with file descriptors between the processes of one instance, over SOCK_SEQPACKET socket
// pairs: boundaries are kept, and the other end's death is an event (end of file), never a timeout.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <utility>

#include "shared/base/status.h"
#include "shared/base/unique_fd.h"

namespace onecopy {

// Both ends close on exec.
Result<std::pair<UniqueFd, UniqueFd>> make_channel();

// Sends one message, with `fd` beside it unless it is -1. kUnavailable when the other end is gone.
Status send_message(int channel, std::span<const std::byte> bytes, int fd = -1);

struct Message {
  std::string bytes;
  UniqueFd fd;
};
// Waits for one message unless `channel` is non-blocking (kBusy: nothing there yet). kUnavailable
// when the other end is gone; kCorrupt for a truncated message.
Result<Message> receive_message(int channel);

// A plain struct as a message.
template <class T>
std::span<const std::byte> as_bytes_of(const T& value) {
  return std::as_bytes(std::span<const T, 1>(&value, 1));
}

}  // namespace onecopy
