#include "gateway/api/api.h"

#include <utility>

#include "gateway/api/request_json.h"

namespace onecopy::gateway {
namespace {

std::string_view endpoint_of(Task task) {
  switch (task) {
    case Task::kQuestionAnswering:
      return "/qa/{model}";
    case Task::kSequenceClassification:
      return "/predictions/{model}";
    case Task::kEmbedding:
      return "/embed";
  }
  return "another endpoint";
}

}  // namespace

Result<ModelPtr> find_model(const Api& api, std::string_view name,
                            std::optional<std::uint32_t> version) {
  auto model = api.models.find(name, version);
  if (!model && !api.lifecycle.ready) {
    return fail(ErrorCode::kUnavailable, "models are still being loaded; retry in a moment");
  }
  return model;
}

Status check_task(const Model& model, Task task) {
  if (model.info.task == task) return {};
  return fail(ErrorCode::kInvalidArgument, "model {} is for {}; use {}", model.name,
              to_string(model.info.task), endpoint_of(model.info.task));
}

Status check_taking_requests(const Api& api) {
  if (!api.lifecycle.draining) return {};
  return fail(ErrorCode::kUnavailable, "the server is shutting down; retry on another one");
}

Answer submit(Api& api, Exchange& exchange, Work work, Call::Format format) {
  ASSIGN_OR_RETURN(work.timeout, parse_timeout(exchange.request.header("x-request-timeout-ms")));
  auto call = std::make_unique<Call>(api.loop, api.dispatcher, exchange.sink, std::move(work),
                                     std::move(format), api.settings.request);
  RETURN_IF_ERROR(api.dispatcher.submit(call->items()));
  return call;
}

}  // namespace onecopy::gateway
