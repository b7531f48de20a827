// Turns a head that the guard let pass into a request.
#pragma once

#include <string_view>

#include "gateway/http/http_message.h"
#include "gateway/http/request_guard.h"

namespace onecopy::gateway {

// `head` has passed check_head(). The request's body is left empty. Refuses (400) a path or query
// whose percent-encoding is malformed.
tl::expected<HttpRequest, Refusal> parse_head(std::string_view head);

}  // namespace onecopy::gateway
