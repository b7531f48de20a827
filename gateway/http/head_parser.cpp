#include "gateway/http/head_parser.h"

#include <httplib.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>
#include <string>

#include "gateway/http/ascii.h"

namespace onecopy::gateway {
namespace {

// A head in memory, as httplib reads one. What httplib answers is thrown away.
class MemoryStream final : public httplib::Stream {
 public:
  explicit MemoryStream(std::string_view input) : input_(input) {}

  bool is_readable() const override { return !input_.empty(); }
  bool is_writable() const override { return true; }
  ssize_t read(char* to, std::size_t size) override {
    const std::size_t n = std::min(size, input_.size());
    std::memcpy(to, input_.data(), n);
    input_.remove_prefix(n);
    return static_cast<ssize_t>(n);
  }
  ssize_t write(const char* /*from*/, std::size_t size) override {
    return static_cast<ssize_t>(size);
  }
  void get_remote_ip_and_port(std::string& /*ip*/, int& port) const override { port = 0; }
  void get_local_ip_and_port(std::string& /*ip*/, int& port) const override { port = 0; }
  socket_t socket() const override { return 0; }

 private:
  std::string_view input_;
};

// The head without its query and without Range, which httplib matches with a recursive std::regex.
std::string head_for_httplib(std::string_view head, std::string_view& query) {
  const std::size_t line_end = head.find("\r\n");
  const std::string_view line = head.substr(0, line_end);
  const std::size_t target_end = line.rfind(' ');
  const std::size_t mark = std::min(line.find('?'), target_end);
  query = line.substr(mark, target_end - mark);
  if (!query.empty()) query.remove_prefix(1);
  std::string result;
  result.reserve(head.size());
  result.append(line.substr(0, mark)).append(line.substr(target_end)).append("\r\n");
  for (std::size_t at = line_end + 2; at < head.size();) {
    const std::size_t end = head.find("\r\n", at) + 2;
    if (!starts_with_ignoring_case(head.substr(at), "range:")) {
      result.append(head.substr(at, end - at));
    }
    at = end;
  }
  return result;
}

bool append_unescaped(std::string_view hex, std::string& to) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(hex.data(), hex.data() + hex.size(), value, 16);
  if (hex.size() != 2 || error != std::errc() || end != hex.data() + 2) return false;
  to.push_back(static_cast<char>(value));
  return true;
}

// Decodes %XX, and '+' to a blank as forms write it.
std::optional<std::string> decoded(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      if (!append_unescaped(text.substr(i + 1, 2), result)) return std::nullopt;
      i += 2;
    } else {
      result.push_back(text[i] == '+' ? ' ' : text[i]);
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
    auto name = decoded(pair.substr(0, equals));
    auto value = decoded(pair.substr(std::min(equals + 1, pair.size())));
    if (!name || !value) return false;
    request.query.emplace_back(std::move(*name), std::move(*value));
  }
  return true;
}

bool has_valid_escapes(std::string_view path) {
  std::string ignored;
  for (std::size_t at = path.find('%'); at != std::string_view::npos; at = path.find('%', at + 1)) {
    if (!append_unescaped(path.substr(at + 1, 2), ignored)) return false;
  }
  return true;
}

tl::unexpected<Refusal> refuse(int status, std::string text) {
  return tl::unexpected<Refusal>(Refusal{status, std::move(text)});
}

}  // namespace

// Captures the request before httplib would route it.
class HeadParser::Server final : public httplib::Server {
 public:
  Server() {
    set_pre_routing_handler([this](const httplib::Request& request, httplib::Response&) {
      capture(request);
      return HandlerResponse::Handled;
    });
  }

  std::optional<HttpRequest> parse(const std::string& head) {
    captured_.reset();
    MemoryStream stream(head);
    bool closed = false;
    process_request(stream, true, closed, nullptr);
    return std::move(captured_);
  }

 private:
  void capture(const httplib::Request& request) {
    HttpRequest& to = captured_.emplace();
    to.method = request.method;
    to.path = request.path;
    const std::string type = request.get_header_value("Content-Type");
    to.content_type = lowered(trimmed(std::string_view(type).substr(0, type.find(';'))));
    if (request.has_header("X-Request-Timeout-Ms")) {
      to.timeout_ms = request.get_header_value("X-Request-Timeout-Ms");
    }
  }

  std::optional<HttpRequest> captured_;
};

HeadParser::HeadParser() : server_(std::make_unique<Server>()) {}
HeadParser::~HeadParser() = default;

tl::expected<HttpRequest, Refusal> HeadParser::parse(std::string_view head) {
  std::string_view query;
  const std::string path_only = head_for_httplib(head, query);
  const std::string_view line = std::string_view(path_only).substr(0, path_only.find("\r\n"));
  if (!has_valid_escapes(line)) return refuse(400, "malformed percent-encoding in the path");
  std::optional<HttpRequest> request = server_->parse(path_only);
  if (!request) return refuse(400, "malformed request head");
  if (!parse_query(query, *request)) {
    return refuse(400, "malformed percent-encoding in the query; write %25 for '%'");
  }
  return std::move(*request);
}

}  // namespace onecopy::gateway
