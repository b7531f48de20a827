// Which address leads to which endpoint.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "gateway/api/api.h"
#include "gateway/http/http_message.h"

namespace onecopy::gateway {

struct Route {
  std::string_view methods;  // as the Allow header lists them
  std::string_view pattern;  // "/predictions/{model}/{version}": a name in braces takes one part of
                             // the path, {N} only digits
  Endpoint endpoint;
  bool on_inference_port;
  bool on_management_port;
  Chooser chooser = nullptr;  // of the model that answers; for requests to models only
};

std::span<const Route> all_routes();

// Class Router: finds the route and lets its endpoint answer: 404 for an unknown path, 405 for
// another method. Borrows the Api's parts.
class Router final : public HttpHandler {
 public:
  explicit Router(Api api) : api_(api) {}
  std::unique_ptr<PendingReply> handle(HttpRequest request, ReplySink& sink) override;
  std::optional<HttpReply> refusal_without_body(const HttpRequest& request) override;

 private:
  Api api_;
};

}  // namespace onecopy::gateway
