// Who may use the management port.
#pragma once

#include <optional>
#include <string>

#include "gateway/http/http_message.h"

namespace onecopy::gateway {

struct ManagementAccess {
  std::optional<std::string> key;  // nothing: the host has not said yet; empty: none
  bool is_loopback = false;        // what the port listens on
};

bool is_loopback_socket(int listener);

// Null when the request may pass. A key, where one is set, must come as "Authorization: Bearer
// KEY"; without one the port must listen on loopback. There Host, and Origin where it is sent, must
// name loopback too: else a web page could have its visitor's browser call this port, under a name
// of the page's that leads here (DNS rebinding). Off loopback the key keeps such a page out.
std::optional<HttpReply> refuse_management(const ManagementAccess& access,
                                           const HttpRequest& request);

}  // namespace onecopy::gateway
