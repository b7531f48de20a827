// Question answering, classification and embedding.
#include <algorithm>
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

// The path's second parameter, where it has one.
Result<std::optional<std::uint32_t>> version_in_path(const Exchange& exchange) {
  if (exchange.path_parameters.size() < 2) return std::nullopt;
  return parse_version(exchange.path_parameters[1]);
}

Answer ask_model(Api& api, Exchange& exchange, std::string_view name) {
  RETURN_IF_ERROR(check_taking_requests(api));
  ASSIGN_OR_RETURN(const auto version, version_in_path(exchange));
  ASSIGN_OR_RETURN(Choice choice, choose_model(api, exchange.request, name, version));
  RETURN_IF_ERROR(check_task(*choice.model, Task::kQuestionAnswering));
  if (exchange.request.method == "POST") RETURN_IF_ERROR(check_no_query(exchange.request));
  ASSIGN_OR_RETURN(RequestFields fields, fields_of(exchange.request));
  ASSIGN_OR_RETURN(Work work, parse_question(std::move(fields)));
  return submit(api, exchange, std::move(choice), std::move(work), format_answers);
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
Result<Choice> choose_embedding(Api& api, const Exchange& exchange, const EmbedRequest& request) {
  if (exchange.path_parameters.empty()) {
    std::string name;
    if (request.model) {
      name = *request.model;
    } else {
      ASSIGN_OR_RETURN(name, only_embedding_model(api));
    }
    return choose_model(api, exchange.request, name, request.version);
  }
  if (request.model || request.version) {
    return fail(ErrorCode::kInvalidArgument,
                "name model and version in the address or in the body, not in both");
  }
  ASSIGN_OR_RETURN(const auto version, version_in_path(exchange));
  return choose_model(api, exchange.request, exchange.path_parameters.front(), version);
}

}  // namespace

Answer ask_question(Api& api, Exchange& exchange) {
  return ask_model(api, exchange, exchange.path_parameters.front());
}

Answer ask_numbered_model(Api& api, Exchange& exchange) {
  return ask_model(api, exchange, "qa" + exchange.path_parameters.front());
}

Answer predict(Api& api, Exchange& exchange) {
  RETURN_IF_ERROR(check_taking_requests(api));
  HttpRequest& request = exchange.request;
  ASSIGN_OR_RETURN(const auto version, version_in_path(exchange));
  ASSIGN_OR_RETURN(Choice choice,
                   choose_model(api, request, exchange.path_parameters.front(), version));
  RETURN_IF_ERROR(check_no_query(request));
  const bool answers_questions = choice.model->info.task == Task::kQuestionAnswering;
  if (!answers_questions) {
    RETURN_IF_ERROR(check_task(*choice.model, Task::kSequenceClassification));
  }
  ASSIGN_OR_RETURN(const bool is_json, is_json_body(request.content_type, request.body));
  Work work;
  if (answers_questions) {
    ASSIGN_OR_RETURN(RequestFields fields, RequestFields::from_json(request.body));
    ASSIGN_OR_RETURN(work, parse_question(std::move(fields)));
  } else if (is_json) {
    ASSIGN_OR_RETURN(RequestFields fields, RequestFields::from_json(request.body));
    ASSIGN_OR_RETURN(work, parse_classification(std::move(fields)));
  } else {
    ASSIGN_OR_RETURN(work, parse_plain_text(std::move(request.body)));
  }
  return submit(api, exchange, std::move(choice), std::move(work),
                answers_questions ? format_answers : format_labels);
}

Answer embed(Api& api, Exchange& exchange) {
  RETURN_IF_ERROR(check_taking_requests(api));
  RETURN_IF_ERROR(check_no_query(exchange.request));
  ASSIGN_OR_RETURN(RequestFields fields, RequestFields::from_json(exchange.request.body));
  ASSIGN_OR_RETURN(EmbedRequest request, parse_embed(std::move(fields)));
  ASSIGN_OR_RETURN(Choice choice, choose_embedding(api, exchange, request));
  RETURN_IF_ERROR(check_task(*choice.model, Task::kEmbedding));
  return submit(api, exchange, std::move(choice), std::move(request.work), format_vectors);
}

}  // namespace onecopy::gateway
