// Health, for load balancers and orchestrators.
#include "gateway/api/api.h"
#include "shared/base/json.h"

namespace onecopy::gateway {
namespace {

// Why a request sent now would not be served; "ok" when it would.
std::string_view state_of(const Api& api) {
  if (api.lifecycle.draining) return "draining";
  if (!api.lifecycle.failed.empty()) return "models failed";
  if (!api.lifecycle.has_models) return "starting";
  switch (api.dispatcher.health()) {
    case WorkersHealth::kNoWorkers:
      return "no workers";
    case WorkersHealth::kStuck:
      return "all workers stand still";
    case WorkersHealth::kOk:
      return "ok";
  }
  return "ok";
}

// The models that the registry names and that could not be opened.
std::string failed_models(const Lifecycle& lifecycle) {
  Json failed = Json::array();
  for (const Lifecycle::FailedModel& model : lifecycle.failed) {
    failed.push_back({{"model", model.name}, {"version", model.version}, {"error", model.error}});
  }
  return failed.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

// 200 when a request sent now would be served.
Answer report_health(Api& api, Exchange& exchange) {
  const std::string_view state = state_of(api);
  std::string body = fmt::format("{{\"status\": \"{}\"", state);
  if (!api.lifecycle.failed.empty()) body += ", \"failed\": " + failed_models(api.lifecycle);
  exchange.sink.reply({state == "ok" ? 200 : 503, body + '}', 0, {}});
  return nullptr;
}

Answer report_live(Api& /*api*/, Exchange& exchange) {
  exchange.sink.reply({200, R"({"live": true})", 0, {}});
  return nullptr;
}

Answer report_ready(Api& api, Exchange& exchange) {
  const std::string_view state = state_of(api);
  if (state == "ok") {
    exchange.sink.reply({200, R"({"ready": true})", 0, {}});
  } else {
    exchange.sink.reply(
        {503, fmt::format("{{\"ready\": false, \"reason\": \"{}\"}}", state), 0, {}});
  }
  return nullptr;
}

}  // namespace onecopy::gateway
