// The head of a request, from raw bytes to a parsed request: the guard, then the parser.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "gateway/http/head_parser.h"
#include "gateway/http/request_guard.h"
#include "shared/base/limits.h"

namespace gateway = onecopy::gateway;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);

  // However the bytes arrive, the verdict is the same.
  std::size_t scanned = 0;
  const auto at_once = gateway::find_head_end(input, scanned);
  std::size_t scanned_in_parts = 0;
  auto in_parts = gateway::find_head_end(input.substr(0, size / 2), scanned_in_parts);
  if (in_parts && *in_parts == 0) in_parts = gateway::find_head_end(input, scanned_in_parts);
  if (at_once.has_value() != in_parts.has_value()) std::abort();
  if (at_once && *at_once != *in_parts) std::abort();

  if (!at_once || *at_once == 0) return 0;
  const std::string_view head = input.substr(0, *at_once);
  if (!head.ends_with("\r\n\r\n")) std::abort();
  const auto framing = gateway::check_head(head);
  if (!framing) return 0;
  if (framing->content_length > onecopy::limits::kBodyBytes) std::abort();
  const auto request = gateway::parse_head(head);
  if (request && (!head.starts_with(request->method + " ") || !request->path.starts_with("/"))) {
    std::abort();
  }
  if (request && request->headers.size() > onecopy::limits::kHeaders) std::abort();
  return 0;
}
