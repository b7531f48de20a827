#include "gateway/api/routes.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "gateway/api/json_text.h"
#include "gateway/api/reply_json.h"
#include "gateway/http/ascii.h"
#include "shared/base/quoted.h"
#include "shared/base/text_parts.h"

namespace onecopy::gateway {
namespace {

constexpr std::array kRoutes{
    // methods, pattern, endpoint, on the inference port, on the management port, chooser
    Route{"GET, HEAD", "/qa{N}", ask_question, true, false, choose_numbered},
    Route{"GET, HEAD, POST", "/qa/{model}", ask_question, true, false, choose_to_ask},
    // PUT because `curl -T`, as in TorchServe's manual, sends it.
    Route{"POST, PUT", "/predictions/{model}", predict, true, false, choose_to_predict},
    Route{"POST, PUT", "/predictions/{model}/{version}", predict, true, false, choose_to_predict},
    Route{"GET, HEAD, POST", "/qa/{model}/{version}", ask_question, true, false, choose_to_ask},
    Route{"POST", "/embed", embed, true, false, choose_to_embed},
    Route{"POST", "/embed/{model}", embed, true, false, choose_to_embed},
    Route{"POST", "/embed/{model}/{version}", embed, true, false, choose_to_embed},
    Route{"GET, HEAD", "/models", list_models, false, true},
    Route{"POST", "/models", register_model, false, true},
    Route{"GET, HEAD", "/models/{model}", describe_model, false, true},
    Route{"PUT", "/models/{model}", scale_model, false, true},
    Route{"DELETE", "/models/{model}", unregister_model, false, true},
    Route{"GET, HEAD, PUT", "/models/{model}/traffic", traffic, false, true},
    Route{"GET, HEAD", "/models/{model}/{version}", describe_model, false, true},
    Route{"DELETE", "/models/{model}/{version}", unregister_model, false, true},
    Route{"GET, HEAD", "/models/{model}/{version}/status", report_load, false, true},
    Route{"PUT", "/models/{model}/{version}/set-default", set_default_version, false, true},
    Route{"GET, HEAD, PUT", "/workers", workers, false, true},
    Route{"GET, HEAD, DELETE", "/cache", cache, false, true},
    Route{"GET, HEAD", "/healthz", report_health, true, true},
    Route{"GET, HEAD", "/v2/health/live", report_live, true, true},
    Route{"GET, HEAD", "/v2/health/ready", report_ready, true, true},
};

// One part of a path against one of a pattern, which may end in a name in braces.
bool match_part(std::string_view pattern, std::string_view part,
                std::vector<std::string>& parameters) {
  const std::size_t brace = pattern.find('{');
  if (brace == std::string_view::npos) return pattern == part;
  if (!part.starts_with(pattern.substr(0, brace)) || part.size() == brace) return false;
  const std::string_view value = part.substr(brace);
  if (pattern.substr(brace) == "{N}" && !std::ranges::all_of(value, is_digit)) return false;
  parameters.emplace_back(value);
  return true;
}

std::optional<std::vector<std::string>> match(std::string_view pattern, std::string_view path) {
  std::vector<std::string> parameters;
  if (std::ranges::count(pattern, '/') != std::ranges::count(path, '/')) return std::nullopt;
  while (!pattern.empty() || !path.empty()) {
    if (!match_part(take_part(pattern, '/'), take_part(path, '/'), parameters)) return std::nullopt;
  }
  return parameters;
}

bool allows(std::string_view methods, std::string_view method) {
  while (!methods.empty()) {
    const std::string_view one = methods.substr(0, methods.find(','));
    if (one == method) return true;
    methods.remove_prefix(std::min(one.size() + 2, methods.size()));
  }
  return false;
}

bool is_on(const Route& route, Port port) {
  return port == Port::kInference ? route.on_inference_port : route.on_management_port;
}

HttpReply no_such_address(const HttpRequest& request) {
  std::string there_are;
  std::string_view last;
  for (const Route& route : kRoutes) {
    if (!is_on(route, request.port) || route.pattern == last) continue;
    last = route.pattern;
    there_are += (there_are.empty() ? "" : ", ") + std::string(route.pattern);
  }
  return {404,
          error_body(fmt::format("nothing at '{}'; there are {}", shortened(request.path, 256),
                                 there_are)),
          0,
          {}};
}

HttpReply method_not_allowed(const HttpRequest& request, std::string allowed) {
  return {405,
          error_body(fmt::format("{} is not for '{}'; use {}", request.method,
                                 shortened(request.path, 256), allowed)),
          0, std::move(allowed)};
}

struct Found {
  const Route* route;
  std::vector<std::string> parameters;
};

// The route of the request's address and method; otherwise the 404 or 405 that it gets.
tl::expected<Found, HttpReply> find_route(const HttpRequest& request) {
  std::string allowed;
  for (const Route& route : kRoutes) {
    if (!is_on(route, request.port)) continue;
    auto parameters = match(route.pattern, request.path);
    if (!parameters) continue;
    if (allows(route.methods, request.method)) return Found{&route, std::move(*parameters)};
    allowed += (allowed.empty() ? "" : ", ") + std::string(route.methods);
  }
  return tl::unexpected(allowed.empty() ? no_such_address(request)
                                        : method_not_allowed(request, std::move(allowed)));
}

Result<Choice> choose(Api& api, const HttpRequest& request, const Found& found) {
  if (found.route->chooser == nullptr) return Choice{};
  RETURN_IF_ERROR(check_taking_requests(api));
  return found.route->chooser(api, request, found.parameters);
}

// Whether the key, if any, opens the route; what answers on both ports is for load balancers.
std::optional<HttpReply> refuse_access(Api& api, const HttpRequest& request, const Found& found) {
  if (found.route->on_inference_port) return std::nullopt;
  return refuse_management(api.access, request);
}

Answer call_endpoint(Api& api, HttpRequest request, Found found, ReplySink& sink) {
  ASSIGN_OR_RETURN(Choice choice, choose(api, request, found));
  Exchange exchange{std::move(request), std::move(found.parameters), std::move(choice), sink};
  return found.route->endpoint(api, exchange);
}

}  // namespace

std::span<const Route> all_routes() { return kRoutes; }

std::unique_ptr<PendingReply> Router::handle(HttpRequest request, ReplySink& sink) {
  auto found = find_route(request);
  auto refused = found ? refuse_access(api_, request, *found) : std::optional(found.error());
  if (refused) {
    sink.reply(std::move(*refused));
    return nullptr;
  }
  Answer answer = call_endpoint(api_, std::move(request), std::move(*found), sink);
  if (answer) return std::move(*answer);
  sink.reply(error_reply(answer.error(), api_.dispatcher.retry_after_s()));
  return nullptr;
}

// What does not depend on the body: address, method, and what the address and headers ask for.
std::optional<HttpReply> Router::refusal_without_body(const HttpRequest& request) {
  const auto found = find_route(request);
  if (!found) return found.error();
  if (auto refused = refuse_access(api_, request, *found)) return refused;
  const auto choice = choose(api_, request, *found);
  if (choice) return std::nullopt;
  return error_reply(choice.error(), api_.dispatcher.retry_after_s());
}

}  // namespace onecopy::gateway
