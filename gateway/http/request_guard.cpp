#include "gateway/http/request_guard.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "gateway/http/ascii.h"
#include "shared/base/limits.h"

namespace onecopy::gateway {
namespace {

using Checked = tl::expected<void, Refusal>;

template <class... Args>
tl::unexpected<Refusal> refuse(int status, fmt::format_string<Args...> format, Args&&... args) {
  return tl::unexpected<Refusal>(Refusal{status, fmt::format(format, std::forward<Args>(args)...)});
}

// Tokens of RFC 9110, less '_': servers in front turn '-' and '_' into the same variable, so that a
// name with '_' can pose as another header.
bool is_header_name(std::string_view name) {
  return !name.empty() && std::ranges::all_of(name, [](char c) {
    return is_alnum(c) || std::string_view("!#$%&'*+-.^`|~").find(c) != std::string_view::npos;
  });
}

constexpr std::size_t kAroundTarget = 32;  // method, version and blanks take less
constexpr std::size_t kHeaderLineBytes = 8190;

tl::unexpected<Refusal> too_long_target() {
  return refuse(414, "the path and query may have at most {} bytes; send a long text with POST",
                limits::kTargetBytes);
}

// What clients send that were told of a proxy: http://host:port/path. Whose name it is does not
// matter here, as it does not in the Host header.
bool is_absolute_form(std::string_view target) {
  const bool secure = starts_with_ignoring_case(target, "https://");
  if (!secure && !starts_with_ignoring_case(target, "http://")) return false;
  target.remove_prefix(secure ? 8 : 7);
  const std::string_view authority = target.substr(0, target.find_first_of("/?"));
  return !authority.empty() && std::ranges::all_of(authority, [](char c) {
    return is_alnum(c) || std::string_view("-._~:[]%").find(c) != std::string_view::npos;
  });
}

Checked check_target(std::string_view target) {
  if (target.size() > limits::kTargetBytes) return too_long_target();
  if (!target.starts_with('/') && !is_absolute_form(target)) {
    return refuse(400,
                  "the request target must be a path that starts with '/', or a whole address");
  }
  if (target.find('#') != std::string_view::npos) {
    return refuse(400, "the request target must not contain '#'; write %23");
  }
  return {};
}

Checked check_request_line(std::string_view line, Framing& framing, std::string_view& method) {
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last || line.find(' ', first + 1) != last ||
      line.find('\t') != std::string_view::npos) {
    return refuse(400, "the request line must be METHOD TARGET VERSION with single blanks");
  }
  method = line.substr(0, first);
  const std::string_view version = line.substr(last + 1);
  if (!is_header_name(method)) return refuse(400, "malformed method");
  if (version != "HTTP/1.1" && version != "HTTP/1.0") {
    const bool well_formed = version.size() == 8 && version.starts_with("HTTP/") &&
                             is_digit(version[5]) && version[6] == '.' && is_digit(version[7]);
    if (well_formed) return refuse(505, "use HTTP/1.1 or HTTP/1.0");
    return refuse(400, "malformed HTTP version");
  }
  constexpr std::array<std::string_view, 7> kMethods{"GET",    "HEAD",    "POST", "PUT",
                                                     "DELETE", "OPTIONS", "PATCH"};
  if (std::ranges::find(kMethods, method) == kMethods.end()) {
    return refuse(501, "this method is not supported; use GET or POST");
  }
  framing.http_1_0 = version == "HTTP/1.0";
  framing.keep_alive = !framing.http_1_0;
  return check_target(line.substr(first + 1, last - first - 1));
}

// What the header lines said, collected before it is judged as a whole.
struct Seen {
  std::size_t hosts = 0;
  std::size_t lengths = 0;
  std::size_t content_types = 0;
  std::size_t timeouts = 0;
  bool transfer_encoding = false;
};

Checked read_content_length(std::string_view value, Framing& framing) {
  if (value.empty() || !std::ranges::all_of(value, is_digit)) {
    return refuse(400, "Content-Length must be digits only");
  }
  const auto [end, error] =
      std::from_chars(value.data(), value.data() + value.size(), framing.content_length);
  if (error != std::errc() || framing.content_length > limits::kBodyBytes) {
    return refuse(413, "the body may have at most {} bytes; send smaller texts",
                  limits::kBodyBytes);
  }
  return {};
}

void read_connection(std::string_view value, Framing& framing) {
  while (!value.empty()) {
    const std::size_t comma = value.find(',');
    const std::string_view option = trimmed(value.substr(0, comma));
    if (equals_ignoring_case(option, "close")) framing.keep_alive = false;
    if (equals_ignoring_case(option, "keep-alive") && framing.http_1_0) framing.keep_alive = true;
    if (comma == std::string_view::npos) return;
    value.remove_prefix(comma + 1);
  }
}

Checked read_header(std::string_view name, std::string_view value, Framing& framing, Seen& seen) {
  if (equals_ignoring_case(name, "host")) ++seen.hosts;
  if (equals_ignoring_case(name, "transfer-encoding")) seen.transfer_encoding = true;
  if (equals_ignoring_case(name, "connection")) read_connection(value, framing);
  if (equals_ignoring_case(name, "x-request-timeout-ms")) ++seen.timeouts;
  if (equals_ignoring_case(name, "content-length")) {
    ++seen.lengths;
    return read_content_length(value, framing);
  }
  if (equals_ignoring_case(name, "content-encoding") && !equals_ignoring_case(value, "identity")) {
    return refuse(415, "Content-Encoding is not supported; send the body as it is");
  }
  if (equals_ignoring_case(name, "content-type")) {
    ++seen.content_types;
    if (starts_with_ignoring_case(value, "multipart/")) {
      return refuse(415, "multipart bodies are not supported; send JSON or plain text");
    }
  }
  if (equals_ignoring_case(name, "expect")) {
    if (!equals_ignoring_case(value, "100-continue")) {
      return refuse(417, "the only expectation supported is 100-continue");
    }
    framing.expects_continue = !framing.http_1_0;
  }
  return {};
}

Checked check_header_line(std::string_view line, Framing& framing, Seen& seen) {
  if (line.front() == ' ' || line.front() == '\t') {
    return refuse(400, "a header line must not be folded");
  }
  if (line.size() > kHeaderLineBytes) {
    return refuse(431, "a header line may have at most {} bytes", kHeaderLineBytes);
  }
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return refuse(400, "a header line lacks its ':'");
  const std::string_view name = line.substr(0, colon);
  if (!is_header_name(name)) {
    return refuse(400,
                  "a header name has a character that is not allowed ('_' and blanks are not)");
  }
  return read_header(name, trimmed(line.substr(colon + 1)), framing, seen);
}

Checked check_whole(std::string_view method, Framing& framing, const Seen& seen) {
  if (seen.transfer_encoding) {
    if (seen.lengths > 0)
      return refuse(400, "Content-Length and Transfer-Encoding exclude each other");
    return refuse(411, "Transfer-Encoding is not supported; send a Content-Length");
  }
  if (seen.lengths > 1) return refuse(400, "more than one Content-Length");
  if (seen.hosts > 1 || (seen.hosts == 0 && !framing.http_1_0)) {
    return refuse(400, "send exactly one Host header");
  }
  if (seen.content_types > 1) return refuse(400, "more than one Content-Type");
  if (seen.timeouts > 1) return refuse(400, "more than one X-Request-Timeout-Ms");
  const bool takes_body = method == "POST" || method == "PUT" || method == "PATCH";
  framing.lacks_length = takes_body && seen.lengths == 0;
  if (!takes_body && framing.content_length > 0) {
    return refuse(400, "a {} request must not have a body; use POST", method);
  }
  return {};
}

}  // namespace

tl::expected<std::size_t, Refusal> find_head_end(std::string_view input, std::size_t& scanned) {
  if (std::min(input.find("\r\n"), input.size()) > limits::kTargetBytes + kAroundTarget) {
    return too_long_target();
  }
  for (; scanned < std::min(input.size(), limits::kHeadBytes); ++scanned) {
    const char c = input[scanned];
    if (c == '\n') {
      if (scanned == 0 || input[scanned - 1] != '\r') {
        return refuse(400, "lines must end with CR LF");
      }
      if (scanned == 1) return refuse(400, "an empty line stands where a request should start");
      if (scanned >= 3 && input[scanned - 2] == '\n') return ++scanned;
    } else if (scanned > 0 && input[scanned - 1] == '\r') {
      return refuse(400, "lines must end with CR LF");
    } else if (is_control(c) && c != '\r' && c != '\t') {
      return refuse(400, "a control character in the request's head");
    }
  }
  if (input.size() >= limits::kHeadBytes) {
    return refuse(431, "the request's head may have at most {} bytes", limits::kHeadBytes);
  }
  return std::size_t{0};
}

tl::expected<Framing, Refusal> check_head(std::string_view head) {
  Framing framing;
  Seen seen;
  std::string_view method;
  const std::size_t line_end = head.find("\r\n");
  if (auto ok = check_request_line(head.substr(0, line_end), framing, method); !ok) {
    return tl::unexpected(std::move(ok.error()));
  }
  std::size_t count = 0;
  for (std::size_t at = line_end + 2; at + 2 < head.size();) {
    const std::size_t end = head.find("\r\n", at);
    if (++count > limits::kHeaders) return refuse(431, "more than {} headers", limits::kHeaders);
    if (auto ok = check_header_line(head.substr(at, end - at), framing, seen); !ok) {
      return tl::unexpected(std::move(ok.error()));
    }
    at = end + 2;
  }
  if (auto ok = check_whole(method, framing, seen); !ok) {
    return tl::unexpected(std::move(ok.error()));
  }
  return framing;
}

}  // namespace onecopy::gateway
