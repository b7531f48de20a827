// Management: what is served.
#include <algorithm>
#include <array>
#include <utility>

#include "gateway/api/api.h"
#include "gateway/api/management_json.h"
#include "gateway/api/request_fields.h"
#include "shared/base/limits.h"

namespace onecopy::gateway {
namespace {

// The versions that the path asks for: one, all, or the default one.
Result<std::vector<ModelPtr>> asked_versions(const Api& api, const Exchange& exchange) {
  const std::string& name = exchange.path_parameters.front();
  ASSIGN_OR_RETURN(const Versions* const versions, api.models.versions_of(name));
  std::vector<ModelPtr> asked;
  if (exchange.path_parameters.size() > 1 && exchange.path_parameters[1] == "all") {
    for (const auto& [number, model] : versions->by_number) asked.push_back(model);
    return asked;
  }
  std::optional<std::uint32_t> version;
  if (exchange.path_parameters.size() > 1) {
    ASSIGN_OR_RETURN(version, parse_version(exchange.path_parameters[1]));
  }
  ASSIGN_OR_RETURN(ModelPtr model, api.models.find(name, version));
  asked.push_back(std::move(model));
  return asked;
}

Answer report_traffic(const Api& api, Exchange& exchange) {
  RETURN_IF_ERROR(check_no_parameters(exchange));
  ASSIGN_OR_RETURN(const Versions* const versions,
                   api.models.versions_of(exchange.path_parameters.front()));
  return reply_json(exchange, traffic_to_json(*versions));
}

}  // namespace

Answer list_models(Api& api, Exchange& exchange) {
  constexpr std::array<std::string_view, 2> kKnown{"limit", "next_page_token"};
  constexpr auto kMost = static_cast<std::int32_t>(limits::kModels);
  constexpr auto kUsual = static_cast<std::int32_t>(limits::kModelsListed);
  ASSIGN_OR_RETURN(RequestFields fields,
                   RequestFields::from_query(std::move(exchange.request.query)));
  RETURN_IF_ERROR(fields.only(kKnown));
  ASSIGN_OR_RETURN(const std::int32_t limit, fields.integer("limit", kUsual, 1, kMost));
  ASSIGN_OR_RETURN(const std::int32_t from, fields.integer("next_page_token", 0, 0, kMost));
  Json models = Json::array();
  std::int32_t at = 0;
  for (const auto& [name, versions] : api.models.all()) {
    if (at++ < from || at > from + limit) continue;
    const ModelPtr& model = versions.by_number.at(versions.default_version);
    models.push_back({{"modelName", name}, {"modelUrl", model->entry.folder}});
  }
  Json body{{"models", std::move(models)}};
  if (at > from + limit) body["nextPageToken"] = std::to_string(from + limit);
  return reply_json(exchange, body);
}

Answer describe_model(Api& api, Exchange& exchange) {
  RETURN_IF_ERROR(check_no_parameters(exchange));
  ASSIGN_OR_RETURN(const std::vector<ModelPtr> asked, asked_versions(api, exchange));
  Json descriptions = Json::array();
  for (const ModelPtr& model : asked) descriptions.push_back(describe(api, *model));
  return reply_json(exchange, descriptions);
}

Answer traffic(Api& api, Exchange& exchange) {
  if (exchange.request.method != "PUT") return report_traffic(api, exchange);
  RETURN_IF_ERROR(check_no_parameters(exchange));
  const std::string name = exchange.path_parameters.front();
  ASSIGN_OR_RETURN(const Versions* const versions, api.models.versions_of(name));
  ASSIGN_OR_RETURN(Json args, parse_traffic(exchange.request.body, *versions));
  args["model"] = name;
  return command(api, exchange, "set_traffic", std::move(args));
}

Answer workers(Api& api, Exchange& exchange) {
  if (exchange.request.method == "PUT") {
    ASSIGN_OR_RETURN(Json args, parse_worker_counts(std::move(exchange.request)));
    return command(api, exchange, "set_workers", std::move(args));
  }
  RETURN_IF_ERROR(check_no_parameters(exchange));
  return reply_json(exchange, workers_to_json(api));
}

}  // namespace onecopy::gateway
