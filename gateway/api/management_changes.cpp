// Management: changes, all of which are the host's to make.
#include <array>
#include <climits>
#include <utility>

#include "gateway/api/api.h"
#include "gateway/api/management_json.h"
#include "gateway/api/request_json.h"
#include "shared/segment/names.h"

namespace onecopy::gateway {
namespace {

// Parameters stand in the address or, as a JSON object, in the body.
Result<RequestFields> fields_of(HttpRequest& request) {
  if (request.body.empty()) return RequestFields::from_query(std::move(request.query));
  if (request.query.empty()) return RequestFields::from_json(request.body);
  return fail(ErrorCode::kInvalidArgument,
              "send parameters in the address or in the body, not in both");
}

Status check_no_fields(Exchange& exchange) {
  ASSIGN_OR_RETURN(const RequestFields fields, fields_of(exchange.request));
  return fields.only({});
}

Status copy_text(RequestFields& fields, const char* name, Json& args) {
  ASSIGN_OR_RETURN(auto text, fields.text(name));
  if (!text) return {};
  if (text->empty()) return fail(ErrorCode::kInvalidArgument, "{} cannot be empty", name);
  args[name] = std::move(*text);
  return {};
}

Result<Json> parse_registration(RequestFields fields) {
  constexpr std::array<std::string_view, 6> kKnown{"url",       "model_name", "version",
                                                   "precision", "adapter",    "synchronous"};
  RETURN_IF_ERROR(fields.only(kKnown));
  Json args = Json::object();
  if (!fields.has("url")) {
    return fail(ErrorCode::kInvalidArgument, "url is missing; name the model's folder");
  }
  for (const char* name : {"url", "model_name", "precision", "adapter"}) {
    RETURN_IF_ERROR(copy_text(fields, name, args));
  }
  if (args.contains("model_name") && !is_valid_name(args["model_name"].get<std::string>())) {
    return fail(ErrorCode::kInvalidArgument,
                "model_name must be 1 to 64 of the characters A-Z a-z 0-9 . _ -");
  }
  if (fields.has("version")) {
    ASSIGN_OR_RETURN(args["version"], fields.integer("version", 1, 1, INT_MAX));
  }
  ASSIGN_OR_RETURN(const auto synchronous, fields.boolean("synchronous"));
  args["synchronous"] = synchronous.value_or(false);
  return args;
}

// Name and, where the path has one, version.
Result<Json> path_args(const Exchange& exchange) {
  Json args{{"model", exchange.path_parameters.front()}};
  if (exchange.path_parameters.size() > 1) {
    ASSIGN_OR_RETURN(args["version"], parse_version(exchange.path_parameters[1]));
  }
  return args;
}

}  // namespace

Answer command(Api& api, Exchange& exchange, const char* op, Json args) {
  RETURN_IF_ERROR(check_taking_requests(api));
  ASSIGN_OR_RETURN(const auto timeout,
                   parse_timeout(exchange.request.header("x-request-timeout-ms")));
  return api.commands.run(op, std::move(args), timeout.value_or(limits::kCommandDeadline),
                          exchange.sink);
}

Answer register_model(Api& api, Exchange& exchange) {
  ASSIGN_OR_RETURN(RequestFields fields, fields_of(exchange.request));
  ASSIGN_OR_RETURN(Json args, parse_registration(std::move(fields)));
  return command(api, exchange, "register", std::move(args));
}

Answer unregister_model(Api& api, Exchange& exchange) {
  RETURN_IF_ERROR(check_no_fields(exchange));
  ASSIGN_OR_RETURN(Json args, path_args(exchange));
  return command(api, exchange, "unregister", std::move(args));
}

Answer set_default_version(Api& api, Exchange& exchange) {
  RETURN_IF_ERROR(check_no_fields(exchange));
  ASSIGN_OR_RETURN(Json args, path_args(exchange));
  const auto version = args["version"].get<std::uint32_t>();
  RETURN_IF_ERROR(api.models.find(exchange.path_parameters.front(), version));
  return command(api, exchange, "set_default", std::move(args));
}

Answer report_load(Api& api, Exchange& exchange) {
  RETURN_IF_ERROR(check_no_fields(exchange));
  ASSIGN_OR_RETURN(Json args, path_args(exchange));
  const std::string& name = exchange.path_parameters.front();
  const auto version = args["version"].get<std::uint32_t>();
  if (api.models.find(name, version)) {
    exchange.sink.reply(
        {200,
         json_body({{"model_name", name}, {"version", version}, {"status", "serving"}}),
         0,
         {}});
    return nullptr;
  }
  return command(api, exchange, "load_status", std::move(args));
}

Answer scale_model(Api& /*api*/, Exchange& /*exchange*/) {
  return fail(
      ErrorCode::kInvalidArgument,
      "workers serve all models, so none has its own: use PUT /workers?count=N[&min=&max=]");
}

}  // namespace onecopy::gateway
