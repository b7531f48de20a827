// Turns a head that the guard let pass into a request, with cpp-httplib as the parser.
//
// httplib's own server is not used beyond that: it has no deadline for a whole head or body, keeps
// one thread for each connection, and goes on reading a connection after a framing error. Of its
// parsing, too, the query is left out: httplib 0.11.4 drops what follows a second '=' or '?' in it.
#pragma once

#include <memory>
#include <string_view>

#include "gateway/http/http_message.h"
#include "gateway/http/request_guard.h"

namespace onecopy::gateway {

// Class HeadParser: parses one head after the other. One thread at a time.
class HeadParser {
 public:
  HeadParser();
  ~HeadParser();

  // `head` has passed check_head(). The request's body is left empty. Refuses (400) a path or query
  // whose percent-encoding is malformed.
  tl::expected<HttpRequest, Refusal> parse(std::string_view head);

 private:
  class Server;
  std::unique_ptr<Server> server_;
};

}  // namespace onecopy::gateway
