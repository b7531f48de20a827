// The first look at a request's head, before any parser sees it: where it ends, and whether its
// framing can be read in one way only. After a refusal the connection must be closed, because
// nobody knows where the next request would start.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace onecopy::gateway {

struct Refusal {
  int status;
  std::string text;
};

// What the connection must know about a request; everything else comes from the head parser.
struct Framing {
  std::size_t content_length = 0;
  bool keep_alive = true;
  bool expects_continue = false;
  bool http_1_0 = false;
  bool lacks_length = false;  // of a method that takes a body: then it has none (RFC 9112, 6.3)
};

// The length of the head with its empty line; 0: not there yet. Refuses what cannot become a valid
// head: line ends other than CRLF, control characters, over kTargetBytes of request line or
// kHeadBytes altogether. `scanned` remembers between calls how much has been looked at.
tl::expected<std::size_t, Refusal> find_head_end(std::string_view input, std::size_t& scanned);

// Checks a complete head (RFC 9112): request line, header names and values, count, Host, and that
// the body's length is told by one plain Content-Length or none.
tl::expected<Framing, Refusal> check_head(std::string_view head);

}  // namespace onecopy::gateway
