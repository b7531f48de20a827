#include "gateway/http/head_parser.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>

#include "gateway/http/ascii.h"

namespace onecopy::gateway {
namespace {

bool append_unescaped(std::string_view hex, std::string& to) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(hex.data(), hex.data() + hex.size(), value, 16);
  if (hex.size() != 2 || error != std::errc() || end != hex.data() + 2) return false;
  to.push_back(static_cast<char>(value));
  return true;
}

// Decodes %XX and, in queries, '+' to a blank as forms write it.
enum class Plus { kIsPlus, kIsBlank };
std::optional<std::string> decoded(std::string_view text, Plus plus) {
  std::string result;
  result.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      if (!append_unescaped(text.substr(i + 1, 2), result)) return std::nullopt;
      i += 2;
    } else {
      result.push_back(text[i] == '+' && plus == Plus::kIsBlank ? ' ' : text[i]);
    }
  }
  return result;
}

// name=value pairs between '&'; everything after the first '=' is the value.
bool parse_query(std::string_view query, HttpRequest& request) {
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(pair.size() + 1, query.size()));
    if (pair.empty()) continue;
    const std::size_t equals = std::min(pair.find('='), pair.size());
    auto name = decoded(pair.substr(0, equals), Plus::kIsBlank);
    auto value = decoded(pair.substr(std::min(equals + 1, pair.size())), Plus::kIsBlank);
    if (!name || !value) return false;
    request.query.emplace_back(std::move(*name), std::move(*value));
  }
  return true;
}

tl::unexpected<Refusal> refuse(int status, std::string text) {
  return tl::unexpected<Refusal>(Refusal{status, std::move(text)});
}

// What stands before the path of an absolute-form target (RFC 9112, 3.2.2) is the proxy's business.
std::string_view without_authority(std::string_view target) {
  const std::size_t scheme = target.find("://");
  if (target.starts_with('/') || scheme == std::string_view::npos) return target;
  return target.substr(std::min(target.find_first_of("/?", scheme + 3), target.size()));
}

void parse_headers(std::string_view lines, HttpRequest& request) {
  while (lines.size() > 2) {
    const std::string_view line = lines.substr(0, lines.find("\r\n"));
    const std::size_t colon = line.find(':');
    request.headers.emplace_back(lowered(line.substr(0, colon)), trimmed(line.substr(colon + 1)));
    lines.remove_prefix(line.size() + 2);
  }
}

}  // namespace

tl::expected<HttpRequest, Refusal> parse_head(std::string_view head) {
  HttpRequest request;
  const std::string_view line = head.substr(0, head.find("\r\n"));
  const std::size_t method_end = line.find(' ');
  request.method = line.substr(0, method_end);
  const std::string_view target =
      without_authority(line.substr(method_end + 1, line.rfind(' ') - method_end - 1));
  const std::size_t mark = std::min(target.find('?'), target.size());
  auto path = decoded(target.substr(0, mark), Plus::kIsPlus);
  if (!path) return refuse(400, "malformed percent-encoding in the path");
  request.path = path->empty() ? "/" : std::move(*path);
  if (!parse_query(target.substr(std::min(mark + 1, target.size())), request)) {
    return refuse(400, "malformed percent-encoding in the query; write %25 for '%'");
  }
  parse_headers(head.substr(line.size() + 2), request);
  const std::string_view type = request.header("content-type").value_or("");
  request.content_type = lowered(trimmed(type.substr(0, type.find(';'))));
  return request;
}

}  // namespace onecopy::gateway
