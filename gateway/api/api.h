// The endpoints: what each does with a request. routes.cpp says which address leads to which.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "gateway/dispatch/call.h"
#include "gateway/dispatch/dispatcher.h"
#include "gateway/dispatch/model_catalogue.h"
#include "gateway/http/http_message.h"
#include "gateway/settings.h"
#include "shared/base/status.h"

namespace onecopy::gateway {

struct Lifecycle {
  bool ready = false;     // the host has loaded all models and started the workers
  bool draining = false;  // nothing new is taken
};

// What the endpoints work with; borrowed.
struct Api {
  EventLoop& loop;
  const Settings& settings;
  ModelCatalogue& models;
  Dispatcher& dispatcher;
  Lifecycle& lifecycle;
};

struct Exchange {
  HttpRequest request;
  std::vector<std::string> path_parameters;  // in the order of the route's pattern
  ReplySink& sink;
};

// An endpoint replies itself and returns null, returns what is pending, or returns an error to be
// replied.
using Answer = Result<std::unique_ptr<PendingReply>>;
using Endpoint = Answer (*)(Api&, Exchange&);

Answer ask_question(Api& api, Exchange& exchange);        // /qa/{model}
Answer ask_numbered_model(Api& api, Exchange& exchange);  // /qa{N}: the model qaN
Answer predict(Api& api, Exchange& exchange);             // /predictions/{model}[/{version}]
Answer embed(Api& api, Exchange& exchange);               // /embed
Answer report_health(Api& api, Exchange& exchange);       // /healthz
Answer report_live(Api& api, Exchange& exchange);
Answer report_ready(Api& api, Exchange& exchange);

// Shared by the endpoints.

// The model, or kNotFound; kUnavailable while models are still being loaded.
Result<ModelPtr> find_model(const Api& api, std::string_view name,
                            std::optional<std::uint32_t> version = {});
// kInvalidArgument naming the endpoint to use, unless the model is for this task.
Status check_task(const Model& model, Task task);
// kUnavailable while draining.
Status check_taking_requests(const Api& api);
// Queues the work and returns what is pending.
Answer submit(Api& api, Exchange& exchange, Work work, Call::Format format);

}  // namespace onecopy::gateway
