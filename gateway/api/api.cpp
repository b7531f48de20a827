#include "gateway/api/api.h"

#include <charconv>
#include <utility>

#include "gateway/api/request_json.h"
#include "gateway/http/ascii.h"
#include "shared/base/quoted.h"

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

Result<Choice> choose_model(Api& api, const HttpRequest& request, std::string_view name,
                            std::optional<std::uint32_t> version) {
  Result<Choice> choice;
  if (version) {
    choice = api.models.find(name, version).map([](ModelPtr&& model) {
      return Choice{std::move(model), {}};
    });
  } else {
    choice = api.models.choose(
        name, [&](std::string_view header) { return request.header(lowered(header)); });
  }
  if (!choice && !api.lifecycle.has_models) {
    return fail(ErrorCode::kUnavailable, "models are still being loaded; retry in a moment");
  }
  return choice;
}

Result<std::uint32_t> parse_version(std::string_view text) {
  std::uint32_t version = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), version);
  if (error != std::errc() || end != text.data() + text.size() || version == 0) {
    return fail(ErrorCode::kNotFound, "'{}' is no version; versions are whole numbers from 1",
                shortened(text));
  }
  return version;
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

Answer submit(Api& api, Exchange& exchange, Work work, const Call::Format& format) {
  Choice& choice = exchange.choice;
  ASSIGN_OR_RETURN(work.timeout, parse_timeout(exchange.request.header("x-request-timeout-ms")));
  std::vector<Work> copies(choice.shadows.size(), choice.shadows.empty() ? Work{} : work);
  work.model = std::move(choice.model);
  work.no_cache = wants_no_cache(exchange.request);
  auto call = std::make_unique<Call>(api.loop, api.answers, exchange.sink, std::move(work), format,
                                     api.settings.request);
  if (!call->answer_from_cache()) {
    api.shadows.before_real_request();
    RETURN_IF_ERROR(call->compute());
    api.shadows.after_real_request();
  }
  for (std::size_t i = 0; i < copies.size(); ++i) {
    copies[i].model = std::move(choice.shadows[i]);
    api.shadows.offer(std::move(copies[i]), format);
  }
  return call;
}

}  // namespace onecopy::gateway
