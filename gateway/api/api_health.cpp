// Health, for load balancers and orchestrators.
#include "gateway/api/api.h"

namespace onecopy::gateway {

// 200 when a request sent now would be served.
Answer report_health(Api& api, Exchange& exchange) {
  const Lifecycle& now = api.lifecycle;
  const bool well = now.ready && !now.draining;
  const char* const status = now.draining ? "draining" : now.ready ? "ok" : "starting";
  exchange.sink.reply({well ? 200 : 503, fmt::format("{{\"status\": \"{}\"}}", status), 0, {}});
  return nullptr;
}

Answer report_live(Api& /*api*/, Exchange& exchange) {
  exchange.sink.reply({200, R"({"live": true})", 0, {}});
  return nullptr;
}

Answer report_ready(Api& api, Exchange& exchange) {
  const bool ready = api.lifecycle.ready && !api.lifecycle.draining;
  exchange.sink.reply({ready ? 200 : 503, fmt::format("{{\"ready\": {}}}", ready), 0, {}});
  return nullptr;
}

}  // namespace onecopy::gateway
