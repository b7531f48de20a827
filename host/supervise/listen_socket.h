// The sockets that clients connect to. The host opens them, so that a port in use is known before
// anything is loaded, and a gateway that is started again takes over the same ones.
#pragma once

#include <cstdint>
#include <string>

#include "shared/base/status.h"
#include "shared/base/unique_fd.h"

namespace onecopy::host {

struct ListenSocket {
  UniqueFd fd;
  std::string url;  // http://ADDRESS:PORT with the port that was really taken
};

// Port 0: any free one. kSystem names address and port when it is in use or not ours.
Result<ListenSocket> listen_on(const std::string& host, std::uint16_t port);

// Whether a listening socket of an earlier host is at that address; port 0: at any port.
bool is_listening_at(int fd, const std::string& host, std::uint16_t port);

}  // namespace onecopy::host
