// Question answering, classification and embedding.
#include <array>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "gateway/api/api.h"
#include "gateway/api/reply_json.h"
#include "gateway/api/request_json.h"
#include "shared/base/quoted.h"

namespace onecopy::gateway {
namespace {

Result<RequestFields> fields_of(HttpRequest& request) {
  if (request.method == "GET" || request.method == "HEAD") {
    return RequestFields::from_query(std::move(request.query));
  }
  return RequestFields::from_json(request.body);
}

// Parameters belong into the query of a GET and into the body of a POST, never into both.
Status check_no_query(const HttpRequest& request) {
  if (request.query.empty()) return {};
  return fail(ErrorCode::kInvalidArgument,
              "unknown parameter '{}' in the address; send it in the body",
              shortened(request.query.front().first));
}

// The model, and version if any, that the path names.
Result<Choice> choose_in_path(Api& api, const HttpRequest& request,
                              std::span<const std::string> parameters) {
  std::optional<std::uint32_t> version;
  if (parameters.size() > 1) {
    ASSIGN_OR_RETURN(version, parse_version(parameters[1]));
  }
  return choose_model(api, request, parameters.front(), version);
}

// The only embedding model there is, when the request names none.
Result<std::string> only_embedding_model(const Api& api) {
  const std::vector<ModelPtr> models = api.models.with_task(Task::kEmbedding);
  if (models.size() == 1) return models.front()->name;
  if (models.empty()) {
    if (!api.lifecycle.has_models) {
      return fail(ErrorCode::kUnavailable, "models are still being loaded; retry in a moment");
    }
    return fail(ErrorCode::kNotFound, "no embedding model is loaded");
  }
  std::string names;
  for (const ModelPtr& model : models) names += (names.empty() ? "" : ", ") + model->name;
  return fail(ErrorCode::kInvalidArgument,
              "several embedding models are loaded; name one as model: {}", shortened(names, 512));
}

// Model and version stand in the path, in the body, or nowhere.
Result<Choice> choose_embedding(Api& api, const HttpRequest& request, const EmbedRequest& fields) {
  std::string name;
  if (fields.model) {
    name = *fields.model;
  } else {
    ASSIGN_OR_RETURN(name, only_embedding_model(api));
  }
  ASSIGN_OR_RETURN(Choice choice, choose_model(api, request, name, fields.version));
  RETURN_IF_ERROR(check_task(*choice.model, Task::kEmbedding));
  return choice;
}

}  // namespace

Result<Choice> choose_to_ask(Api& api, const HttpRequest& request,
                             std::span<const std::string> parameters) {
  if (request.method == "POST") RETURN_IF_ERROR(check_no_query(request));
  ASSIGN_OR_RETURN(Choice choice, choose_in_path(api, request, parameters));
  RETURN_IF_ERROR(check_task(*choice.model, Task::kQuestionAnswering));
  return choice;
}

Result<Choice> choose_numbered(Api& api, const HttpRequest& request,
                               std::span<const std::string> parameters) {
  return choose_to_ask(api, request, std::array{"qa" + parameters.front()});
}

Result<Choice> choose_to_predict(Api& api, const HttpRequest& request,
                                 std::span<const std::string> parameters) {
  RETURN_IF_ERROR(check_no_query(request));
  ASSIGN_OR_RETURN(Choice choice, choose_in_path(api, request, parameters));
  if (choice.model->info.task == Task::kQuestionAnswering) return choice;
  RETURN_IF_ERROR(check_task(*choice.model, Task::kSequenceClassification));
  RETURN_IF_ERROR(check_text_type(request.content_type));
  return choice;
}

Result<Choice> choose_to_embed(Api& api, const HttpRequest& request,
                               std::span<const std::string> parameters) {
  RETURN_IF_ERROR(check_no_query(request));
  if (parameters.empty()) return Choice{};  // in the body, if anywhere
  ASSIGN_OR_RETURN(Choice choice, choose_in_path(api, request, parameters));
  RETURN_IF_ERROR(check_task(*choice.model, Task::kEmbedding));
  return choice;
}

Answer ask_question(Api& api, Exchange& exchange) {
  ASSIGN_OR_RETURN(RequestFields fields, fields_of(exchange.request));
  ASSIGN_OR_RETURN(Work work, parse_question(std::move(fields)));
  return submit(api, exchange, std::move(work), format_answers);
}

Answer predict(Api& api, Exchange& exchange) {
  if (exchange.choice.model->info.task == Task::kQuestionAnswering) {
    return ask_question(api, exchange);
  }
  HttpRequest& request = exchange.request;
  Work work;
  if (is_json_body(request.content_type, request.body)) {
    ASSIGN_OR_RETURN(RequestFields fields, RequestFields::from_json(request.body));
    ASSIGN_OR_RETURN(work, parse_classification(std::move(fields)));
  } else {
    ASSIGN_OR_RETURN(work, parse_plain_text(std::move(request.body)));
  }
  return submit(api, exchange, std::move(work), format_labels);
}

Answer embed(Api& api, Exchange& exchange) {
  ASSIGN_OR_RETURN(RequestFields fields, RequestFields::from_json(exchange.request.body));
  ASSIGN_OR_RETURN(EmbedRequest request, parse_embed(std::move(fields)));
  if (exchange.path_parameters.empty()) {
    ASSIGN_OR_RETURN(exchange.choice, choose_embedding(api, exchange.request, request));
  } else if (request.model || request.version) {
    return fail(ErrorCode::kInvalidArgument,
                "name model and version in the address or in the body, not in both");
  }
  return submit(api, exchange, std::move(request.work), format_vectors);
}

}  // namespace onecopy::gateway
