// A request and a reply, between the connections and the routes.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/settings.h"

namespace onecopy::gateway {

enum class Port { kInference, kManagement };

struct HttpRequest {
  Port port = Port::kInference;
  std::string method;
  std::string path;                                        // percent-decoded
  std::vector<std::pair<std::string, std::string>> query;  // percent-decoded, in order
  // Names in lower case, values without blanks around them, in order; limits::kHeaders at most.
  std::vector<std::pair<std::string, std::string>> headers;
  std::string content_type;  // lower case, without parameters
  std::string body;

  // The first header of this lower-case name.
  std::optional<std::string_view> header(std::string_view name) const {
    for (const auto& [key, value] : headers) {
      if (key == name) return value;
    }
    return std::nullopt;
  }
};

struct HttpReply {
  int status = 200;
  std::string body;       // JSON
  int retry_after_s = 0;  // sent unless 0
  std::string allow;      // sent unless empty
  // Further headers; their values are ours, without line ends.
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::string_view content_type = "application/json";
};

// Where a reply goes. At most once for each request.
class ReplySink {
 public:
  virtual ~ReplySink() = default;
  virtual void reply(HttpReply reply) = 0;
};

// A request that is being worked on. Its destruction means that nobody waits for the reply any
// more.
class PendingReply {
 public:
  virtual ~PendingReply() = default;
};

// What answers requests: replies before it returns (and then may return null), or returns what is
// pending.
class HttpHandler {
 public:
  virtual ~HttpHandler() = default;
  virtual std::unique_ptr<PendingReply> handle(HttpRequest request, ReplySink& sink) = 0;
  // Before the body of a request is asked for: the reply that it would get whatever its body says.
  virtual std::optional<HttpReply> refusal_without_body(const HttpRequest& request) = 0;
};

}  // namespace onecopy::gateway
