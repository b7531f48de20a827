#include "gateway/http/http_format.h"

#include <fmt/compile.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

namespace onecopy::gateway {

std::string_view reason_phrase(int status) {
  constexpr std::array<std::pair<int, std::string_view>, 26> kPhrases{{
      {200, "OK"},
      {201, "Created"},
      {202, "Accepted"},
      {206, "Partial Content"},
      {400, "Bad Request"},
      {401, "Unauthorized"},
      {403, "Forbidden"},
      {404, "Not Found"},
      {405, "Method Not Allowed"},
      {408, "Request Timeout"},
      {409, "Conflict"},
      {411, "Length Required"},
      {413, "Content Too Large"},
      {414, "URI Too Long"},
      {415, "Unsupported Media Type"},
      {417, "Expectation Failed"},
      {422, "Unprocessable Content"},
      {429, "Too Many Requests"},
      {431, "Request Header Fields Too Large"},
      {500, "Internal Server Error"},
      {501, "Not Implemented"},
      {502, "Bad Gateway"},
      {503, "Service Unavailable"},
      {504, "Gateway Timeout"},
      {505, "HTTP Version Not Supported"},
      {507, "Insufficient Storage"},
  }};
  const auto* found = std::ranges::find(kPhrases, status, &std::pair<int, std::string_view>::first);
  return found == kPhrases.end() ? "Status" : found->second;
}

std::string format_reply_head(const HttpReply& reply, bool keep_alive) {
  std::string head;
  head.reserve(192);
  auto to = std::back_inserter(head);
  fmt::format_to(to,
                 FMT_COMPILE("HTTP/1.1 {} {}\r\nContent-Type: {}\r\n"
                             "Content-Length: {}\r\nConnection: {}\r\n"),
                 reply.status, reason_phrase(reply.status), reply.content_type, reply.body.size(),
                 keep_alive ? "keep-alive" : "close");
  if (reply.retry_after_s != 0) fmt::format_to(to, "Retry-After: {}\r\n", reply.retry_after_s);
  if (!reply.allow.empty()) fmt::format_to(to, "Allow: {}\r\n", reply.allow);
  for (const auto& [name, value] : reply.headers) fmt::format_to(to, "{}: {}\r\n", name, value);
  head += "\r\n";
  return head;
}

}  // namespace onecopy::gateway
