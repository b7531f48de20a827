#include "gateway/api/management_json.h"

#include <array>
#include <charconv>
#include <utility>

#include "gateway/api/request_fields.h"
#include "gateway/http/ascii.h"
#include "shared/base/json_fields.h"
#include "shared/base/limits.h"
#include "shared/base/quoted.h"

namespace onecopy::gateway {
namespace {

using Percentages = std::map<std::uint32_t, double>;

constexpr std::size_t kHeaderNameBytes = 128;

std::string_view state_of(const WorkerPool::Worker& worker, const WorkerLink* link) {
  if (worker.state == WorkerPool::Worker::State::kAsked) return "starting";
  if (worker.state == WorkerPool::Worker::State::kLeaving || link == nullptr) return "leaving";
  return link->batch() == nullptr ? "idle" : "busy";
}

const WorkerLink* link_of(const Api& api, std::uint64_t id) {
  for (const auto& link : api.dispatcher.all_workers()) {
    if (link->id() == id) return link.get();
  }
  return nullptr;
}

// TorchServe's list, which knows two states.
Json worker_list(const Api& api) {
  Json list = Json::array();
  for (const auto& [id, worker] : api.pool.workers()) {
    if (worker.state == WorkerPool::Worker::State::kAsked) continue;
    const bool serves = worker.state == WorkerPool::Worker::State::kServing;
    list.push_back({{"id", std::to_string(id)},
                    {"pid", worker.pid},
                    {"status", serves ? "READY" : "UNLOADING"},
                    {"gpu", false}});
  }
  return list;
}

double percentage(const Percentages& percentages, std::uint32_t version) {
  const auto found = percentages.find(version);
  return found == percentages.end() ? 0 : found->second;
}

Json usage_to_json(const Usage& usage) {
  return {{"requests", usage.shadow_requests},
          {"errors", usage.shadow_errors},
          {"dropped", usage.shadows_dropped}};
}

Json percentages_to_json(const Percentages& percentages) {
  Json json = Json::object();
  for (const auto& [version, percent] : percentages) json[std::to_string(version)] = percent;
  return json;
}

Result<Percentages> percentages_of(const JsonFields& fields, const char* key) {
  Percentages percentages;
  if (!fields.has(key)) return percentages;
  ASSIGN_OR_RETURN(const JsonFields object, fields.object(key));
  for (const auto& [text, percent] : object.json().items()) {
    ASSIGN_OR_RETURN(const std::uint32_t version, parse_version(text));
    if (!percent.is_number()) {
      return fail(ErrorCode::kInvalidArgument, "{}: version {}: {} is no percentage (0 to 100)",
                  key, version, shown(percent));
    }
    percentages[version] = percent.get<double>();
  }
  return percentages;
}

Status check_header_name(std::string_view name) {
  const auto is_allowed = [](char c) { return is_alnum(c) || c == '-' || c == '_'; };
  if (name.size() <= kHeaderNameBytes && std::ranges::all_of(name, is_allowed)) return {};
  return fail(ErrorCode::kInvalidArgument,
              "sticky_header: '{}' is no header's name; use letters, digits, - and _",
              shortened(name));
}

Status check_known(const Json& body) {
  constexpr std::array<std::string_view, 3> kKnown{"shares", "shadow", "sticky_header"};
  for (const auto& [name, value] : body.items()) {
    if (std::ranges::find(kKnown, name) == kKnown.end()) {
      return fail(ErrorCode::kInvalidArgument,
                  "unknown field '{}'; there are: shares, shadow, sticky_header", shortened(name));
    }
  }
  return {};
}

}  // namespace

std::string json_body(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Answer reply_json(Exchange& exchange, const Json& body) {
  exchange.sink.reply({200, json_body(body), 0, {}});
  return nullptr;
}

Status check_no_parameters(const Exchange& exchange) {
  ASSIGN_OR_RETURN(const RequestFields fields,
                   RequestFields::from_query(std::vector(exchange.request.query)));
  return fields.only({});
}

Json describe(const Api& api, const Model& model) {
  const Versions& versions = api.models.all().find(model.name)->second;
  const bool is_default = versions.default_version == model.version;
  const double share = versions.traffic ? percentage(versions.traffic->shares, model.version)
                       : is_default     ? 100
                                        : 0;
  Json json{
      {"modelName", model.name},
      {"modelVersion", std::to_string(model.version)},
      {"modelUrl", model.entry.folder},
      {"engine", "onecopy"},
      {"minWorkers", api.pool.range().min},
      {"maxWorkers", api.pool.range().max},
      {"batchSize", limits::kBatchItems},
      {"loadedAtStartup", model.entry.origin == "config"},
      {"workers", worker_list(api)},
      {"jobQueueStatus",
       {{"remainingCapacity",
         api.settings.queued_items - std::min(api.settings.queued_items, api.dispatcher.queued())},
        {"pendingRequests", api.dispatcher.queued()}}},
      {"task", to_string(model.info.task)},
      {"precision", model.entry.precision},
      {"requested_precision", model.entry.requested_precision},
      {"adapter", model.entry.adapter},
      {"back_ends", api.registry.back_ends},
      {"max_tokens", model.info.max_tokens},
      {"memory",
       {{"bytes_own", model.entry.bytes_own}, {"bytes_borrowed", model.entry.bytes_borrowed}}},
      {"load_seconds", model.entry.load_seconds},
      {"loaded_at", model.entry.loaded_at},
      {"default", is_default},
      {"traffic_share", share},
      {"requests", model.usage.requests},
      {"errors", model.usage.errors},
      {"shadow", usage_to_json(model.usage)}};
  if (model.entry.precision_error) json["precision_error"] = *model.entry.precision_error;
  return json;
}

Json workers_to_json(const Api& api) {
  Json list = Json::array();
  for (const auto& [id, worker] : api.pool.workers()) {
    const WorkerLink* const link = link_of(api, id);
    Json one{{"id", id}, {"pid", worker.pid}, {"state", state_of(worker, link)}};
    if (const Model* const model = link == nullptr ? nullptr : link->current_model()) {
      one["model"] = model->name;
      one["version"] = model->version;
    }
    list.push_back(std::move(one));
  }
  return {{"count", api.pool.counts().alive},
          {"wanted", api.pool.counts().wanted},
          {"min", api.pool.range().min},
          {"max", api.pool.range().max},
          {"workers", std::move(list)}};
}

Json traffic_to_json(const Versions& versions) {
  if (!versions.traffic) {
    return {{"shares", percentages_to_json({{versions.default_version, 100}})},
            {"shadow", Json::object()},
            {"sticky_header", ""}};
  }
  return {{"shares", percentages_to_json(versions.traffic->shares)},
          {"shadow", percentages_to_json(versions.traffic->shadow)},
          {"sticky_header", versions.traffic->sticky_header}};
}

Json cache_to_json(const Answers& answers) {
  const std::optional<AnswerCache>& cache = answers.cache();
  return {{"hits", answers.counts().hits},
          {"misses", answers.counts().misses},
          {"joined", answers.counts().joined},
          {"evictions", cache ? cache->evictions() : 0},
          {"entries", cache ? cache->entries() : 0},
          {"bytes", cache ? cache->bytes() : 0},
          {"max_bytes", cache ? cache->most_bytes() : 0}};
}

Result<Json> parse_traffic(std::string_view body, const Versions& versions) {
  ASSIGN_OR_RETURN(const Json json, parse_json(body, {.depth = limits::kRequestJsonDepth}));
  ASSIGN_OR_RETURN(const JsonFields fields, as_object(json, "the body"));
  RETURN_IF_ERROR(check_known(json));
  TrafficEntry traffic;
  ASSIGN_OR_RETURN(traffic.shares, percentages_of(fields, "shares"));
  ASSIGN_OR_RETURN(traffic.shadow, percentages_of(fields, "shadow"));
  ASSIGN_OR_RETURN(traffic.sticky_header, fields.text("sticky_header", ""));
  RETURN_IF_ERROR(check_header_name(traffic.sticky_header));
  // Neither: the default version has all again.
  if (!traffic.shares.empty() || !traffic.shadow.empty()) {
    std::vector<std::uint32_t> numbers;
    numbers.reserve(versions.by_number.size());
    for (const auto& [number, model] : versions.by_number) numbers.push_back(number);
    RETURN_IF_ERROR(check_traffic(traffic, numbers));
  }
  return Json{{"shares", percentages_to_json(traffic.shares)},
              {"shadow", percentages_to_json(traffic.shadow)},
              {"sticky_header", traffic.sticky_header}};
}

Result<Json> parse_worker_counts(HttpRequest request) {
  constexpr std::array<std::string_view, 3> kKnown{"count", "min", "max"};
  constexpr auto kMost = static_cast<std::int32_t>(limits::kWorkers);
  ASSIGN_OR_RETURN(RequestFields fields, request.body.empty()
                                             ? RequestFields::from_query(std::move(request.query))
                                             : RequestFields::from_json(request.body));
  RETURN_IF_ERROR(fields.only(kKnown));
  Json args = Json::object();
  for (const std::string_view name : kKnown) {
    if (!fields.has(name)) continue;
    ASSIGN_OR_RETURN(args[std::string(name)], fields.integer(name, 1, 1, kMost));
  }
  if (args.empty())
    return fail(ErrorCode::kInvalidArgument, "count is missing; or give min or max");
  return args;
}

}  // namespace onecopy::gateway
