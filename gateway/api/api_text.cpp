// Question answering, classification and embedding.
#include <algorithm>
#include <charconv>
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

Answer ask_model(Api& api, Exchange& exchange, std::string_view name) {
  RETURN_IF_ERROR(check_taking_requests(api));
  ASSIGN_OR_RETURN(ModelPtr model, find_model(api, name));
  RETURN_IF_ERROR(check_task(*model, Task::kQuestionAnswering));
  if (exchange.request.method == "POST") RETURN_IF_ERROR(check_no_query(exchange.request));
  ASSIGN_OR_RETURN(RequestFields fields, fields_of(exchange.request));
  ASSIGN_OR_RETURN(Work work, parse_question(std::move(fields)));
  work.model = std::move(model);
  return submit(api, exchange, std::move(work), format_answers);
}

Result<std::optional<std::uint32_t>> version_of(const Exchange& exchange) {
  if (exchange.path_parameters.size() < 2) return std::nullopt;
  const std::string& text = exchange.path_parameters[1];
  std::uint32_t version = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), version);
  if (error != std::errc() || end != text.data() + text.size()) {
    return fail(ErrorCode::kNotFound, "'{}' is no version; versions are whole numbers",
                shortened(text));
  }
  return version;
}

// The only embedding model there is, when the request names none.
Result<ModelPtr> default_embedding_model(const Api& api) {
  const std::vector<ModelPtr> models = api.models.with_task(Task::kEmbedding);
  if (models.size() == 1) return models.front();
  if (models.empty()) {
    if (!api.lifecycle.ready) return find_model(api, "");
    return fail(ErrorCode::kNotFound, "no embedding model is loaded");
  }
  std::string names;
  for (const ModelPtr& model : models) names += (names.empty() ? "" : ", ") + model->name;
  return fail(ErrorCode::kInvalidArgument,
              "several embedding models are loaded; name one as model: {}", shortened(names, 512));
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
  ASSIGN_OR_RETURN(const auto version, version_of(exchange));
  ASSIGN_OR_RETURN(ModelPtr model, find_model(api, exchange.path_parameters.front(), version));
  HttpRequest& request = exchange.request;
  RETURN_IF_ERROR(check_no_query(request));
  const bool answers_questions = model->info.task == Task::kQuestionAnswering;
  if (!answers_questions) RETURN_IF_ERROR(check_task(*model, Task::kSequenceClassification));
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
  work.model = std::move(model);
  return submit(api, exchange, std::move(work), answers_questions ? format_answers : format_labels);
}

Answer embed(Api& api, Exchange& exchange) {
  RETURN_IF_ERROR(check_taking_requests(api));
  RETURN_IF_ERROR(check_no_query(exchange.request));
  ASSIGN_OR_RETURN(RequestFields fields, RequestFields::from_json(exchange.request.body));
  ASSIGN_OR_RETURN(EmbedRequest request, parse_embed(std::move(fields)));
  ASSIGN_OR_RETURN(request.work.model,
                   request.model ? find_model(api, *request.model) : default_embedding_model(api));
  RETURN_IF_ERROR(check_task(*request.work.model, Task::kEmbedding));
  return submit(api, exchange, std::move(request.work), format_vectors);
}

}  // namespace onecopy::gateway
