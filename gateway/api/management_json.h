// The management port's JSON, and its commands to the host.
#pragma once

#include <string>
#include <string_view>

#include "gateway/api/api.h"
#include "shared/base/json.h"

namespace onecopy::gateway {

std::string json_body(const Json& json);
// With status 200.
Answer reply_json(Exchange& exchange, const Json& body);

Status check_no_parameters(const Exchange& exchange);

// TorchServe's names where it has such a thing, ours beside them.
Json describe(const Api& api, const Model& model);
Json workers_to_json(const Api& api);
Json traffic_to_json(const Versions& versions);
Json cache_to_json(const Answers& answers);

// {"shares", "shadow", "sticky_header"} as the host's set_traffic takes it, checked against the
// versions that there are.
Result<Json> parse_traffic(std::string_view body, const Versions& versions);
// count, min and max, at least one of them.
Result<Json> parse_worker_counts(HttpRequest request);

// Has the host carry it out; the client waits for X-Request-Timeout-Ms, else
// limits::kCommandDeadline.
Answer command(Api& api, Exchange& exchange, const char* op, Json args);

}  // namespace onecopy::gateway
