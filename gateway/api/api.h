// The endpoints: what each does with a request. routes.cpp says which address leads to which.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "gateway/api/management_guard.h"
#include "gateway/control/host_commands.h"
#include "gateway/dispatch/answers.h"
#include "gateway/dispatch/call.h"
#include "gateway/dispatch/dispatcher.h"
#include "gateway/dispatch/model_catalogue.h"
#include "gateway/dispatch/shadow_traffic.h"
#include "gateway/dispatch/worker_pool.h"
#include "gateway/http/http_message.h"
#include "gateway/lifecycle.h"
#include "gateway/settings.h"
#include "shared/base/status.h"

namespace onecopy::gateway {

// What the endpoints work with; borrowed.
struct Api {
  EventLoop& loop;
  const Settings& settings;
  ModelCatalogue& models;
  Dispatcher& dispatcher;
  Answers& answers;
  const Lifecycle& lifecycle;
  ShadowTraffic& shadows;
  WorkerPool& pool;
  HostCommands& commands;
  const ManagementAccess& access;
  const RegistrySnapshot& registry;  // the last that the host sent
};

struct Exchange {
  HttpRequest request;
  std::vector<std::string> path_parameters;  // in the order of the route's pattern
  Choice choice;                             // what the route's Chooser chose
  ReplySink& sink;
};

// An endpoint replies itself and returns null, returns what is pending, or returns an error to be
// replied.
using Answer = Result<std::unique_ptr<PendingReply>>;
using Endpoint = Answer (*)(Api&, Exchange&);

// All that can be said of a request to a model before its body is there: which version of which
// model answers it, or why none does.
using Chooser = Result<Choice> (*)(Api&, const HttpRequest&,
                                   std::span<const std::string> path_parameters);

Result<Choice> choose_to_ask(Api& api, const HttpRequest& request,
                             std::span<const std::string> path_parameters);
Result<Choice> choose_numbered(Api& api, const HttpRequest& request,
                               std::span<const std::string> path_parameters);  // N: the model qaN
Result<Choice> choose_to_predict(Api& api, const HttpRequest& request,
                                 std::span<const std::string> path_parameters);
// Nothing where the path names no model.
Result<Choice> choose_to_embed(Api& api, const HttpRequest& request,
                               std::span<const std::string> path_parameters);

Answer ask_question(Api& api, Exchange& exchange);   // /qa/{model}[/{version}], /qa{N}
Answer predict(Api& api, Exchange& exchange);        // /predictions/{model}[/{version}]
Answer embed(Api& api, Exchange& exchange);          // /embed[/{model}[/{version}]]
Answer report_health(Api& api, Exchange& exchange);  // /healthz
Answer report_live(Api& api, Exchange& exchange);
Answer report_ready(Api& api, Exchange& exchange);

// The management port's, as docs/management.md lists them.
Answer list_models(Api& api, Exchange& exchange);
Answer describe_model(Api& api, Exchange& exchange);
Answer register_model(Api& api, Exchange& exchange);
Answer unregister_model(Api& api, Exchange& exchange);
Answer scale_model(Api& api, Exchange& exchange);
Answer report_load(Api& api, Exchange& exchange);
Answer set_default_version(Api& api, Exchange& exchange);
Answer traffic(Api& api, Exchange& exchange);
Answer workers(Api& api, Exchange& exchange);
Answer cache(Api& api, Exchange& exchange);

// Shared by the endpoints.

// The version that is named, else one by the model's traffic shares; kNotFound; kUnavailable while
// models are still being loaded.
Result<Choice> choose_model(Api& api, const HttpRequest& request, std::string_view name,
                            std::optional<std::uint32_t> version);
// A part of a path as a version.
Result<std::uint32_t> parse_version(std::string_view text);
// kInvalidArgument naming the endpoint to use, unless the model is for this task.
Status check_task(const Model& model, Task task);
// kUnavailable while draining.
Status check_taking_requests(const Api& api);
// Answers the work from the cache, or has the version that was chosen compute it and returns what is
// pending.
Answer submit(Api& api, Exchange& exchange, Work work, const Call::Format& format);

}  // namespace onecopy::gateway
