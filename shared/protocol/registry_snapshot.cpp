#include "shared/protocol/registry_snapshot.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <set>

#include "shared/base/json.h"
#include "shared/base/limits.h"
#include "shared/protocol/control.h"
#include "shared/segment/names.h"

namespace onecopy {
namespace {

constexpr std::size_t kPathBytes = 4096;
constexpr double kHundred = 100;
constexpr double kRounding = 0.001;  // shares such as 33.3, 33.3 and 33.4 are meant to add up

// ---- writing ----

Json percentages_to_json(const std::map<std::uint32_t, double>& percentages) {
  Json json = Json::object();
  for (const auto& [version, percent] : percentages) json[std::to_string(version)] = percent;
  return json;
}

Json to_json(const ModelEntry& model) {
  Json json{{"name", model.name},
            {"version", model.version},
            {"segment", model.segment},
            {"folder", model.folder},
            {"adapter", model.adapter},
            {"requested_precision", model.requested_precision},
            {"precision", model.precision},
            {"origin", model.origin},
            {"stamp", model.stamp},
            {"bytes_own", model.bytes_own},
            {"bytes_borrowed", model.bytes_borrowed},
            {"load_seconds", model.load_seconds},
            {"loaded_at", model.loaded_at}};
  if (model.precision_error) json["precision_error"] = *model.precision_error;
  return json;
}

Json to_json(const TrafficEntry& traffic) {
  return {{"shares", percentages_to_json(traffic.shares)},
          {"shadow", percentages_to_json(traffic.shadow)},
          {"sticky_header", traffic.sticky_header}};
}

// ---- reading ----

Result<std::uint32_t> u32_field(const Json& body, const char* key, std::uint64_t least) {
  ASSIGN_OR_RETURN(const std::uint64_t value, number_field(body, key));
  if (value < least || value > std::numeric_limits<std::uint32_t>::max()) {
    return fail(ErrorCode::kCorrupt, "\"{}\": {} is out of range", key, value);
  }
  return static_cast<std::uint32_t>(value);
}

Result<std::string> text_of(const Json& body, const char* key, std::size_t most = kPathBytes) {
  ASSIGN_OR_RETURN(std::string text, text_field(body, key));
  if (text.size() > most) {
    return fail(ErrorCode::kCorrupt, "\"{}\": longer than {} bytes", key, most);
  }
  return text;
}

Result<double> real_field(const Json& body, const char* key) {
  const Json* const found = find_field(body, key);
  if (found == nullptr || !found->is_number() || !std::isfinite(found->get<double>())) {
    return fail(ErrorCode::kCorrupt, "no number \"{}\"", key);
  }
  return found->get<double>();
}

Result<const Json*> list_field(const Json& body, const char* key) {
  const Json* const found = find_field(body, key);
  if (found == nullptr || !found->is_array()) {
    return fail(ErrorCode::kCorrupt, "no list \"{}\"", key);
  }
  return found;
}

Result<const Json*> object_field(const Json& body, const char* key) {
  const Json* const found = find_field(body, key);
  if (found == nullptr || !found->is_object()) {
    return fail(ErrorCode::kCorrupt, "no object \"{}\"", key);
  }
  return found;
}

Result<std::map<std::uint32_t, double>> read_percentages(const Json& body, const char* key) {
  ASSIGN_OR_RETURN(const Json* const json, object_field(body, key));
  std::map<std::uint32_t, double> percentages;
  for (const auto& [text, percent] : json->items()) {
    std::uint32_t version = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), version);
    if (error != std::errc() || end != text.data() + text.size() || !percent.is_number()) {
      return fail(ErrorCode::kCorrupt, "\"{}\": not versions with percentages", key);
    }
    percentages[version] = percent.get<double>();
  }
  return percentages;
}

Result<ModelEntry> read_model(const Json& json) {
  ModelEntry model;
  ASSIGN_OR_RETURN(model.name, text_of(json, "name"));
  if (!is_valid_name(model.name)) return fail(ErrorCode::kCorrupt, "a model's name is not one");
  ASSIGN_OR_RETURN(model.version, u32_field(json, "version", 1));
  ASSIGN_OR_RETURN(model.segment, text_of(json, "segment", limits::kSegmentNameBytes));
  ASSIGN_OR_RETURN(model.folder, text_of(json, "folder"));
  ASSIGN_OR_RETURN(model.adapter, text_of(json, "adapter"));
  ASSIGN_OR_RETURN(model.requested_precision, text_of(json, "requested_precision"));
  ASSIGN_OR_RETURN(model.precision, text_of(json, "precision"));
  ASSIGN_OR_RETURN(model.origin, text_of(json, "origin"));
  ASSIGN_OR_RETURN(model.stamp, text_of(json, "stamp"));
  ASSIGN_OR_RETURN(model.bytes_own, number_field(json, "bytes_own"));
  ASSIGN_OR_RETURN(model.bytes_borrowed, number_field(json, "bytes_borrowed"));
  ASSIGN_OR_RETURN(model.load_seconds, real_field(json, "load_seconds"));
  ASSIGN_OR_RETURN(const std::uint64_t loaded_at, number_field(json, "loaded_at"));
  model.loaded_at = static_cast<std::int64_t>(loaded_at);
  if (json.contains("precision_error")) {
    ASSIGN_OR_RETURN(model.precision_error, real_field(json, "precision_error"));
  }
  return model;
}

Status read_segments(const Json& body, RegistrySnapshot& snapshot) {
  ASSIGN_OR_RETURN(const Json* const list, list_field(body, "segments"));
  for (const Json& json : *list) {
    SegmentEntry segment;
    ASSIGN_OR_RETURN(segment.name, text_of(json, "name", limits::kSegmentNameBytes));
    if (!parse_segment_name(segment.name)) {
      return fail(ErrorCode::kCorrupt, "'{}' is no segment's name", segment.name);
    }
    ASSIGN_OR_RETURN(segment.bytes, number_field(json, "bytes"));
    snapshot.segments.push_back(std::move(segment));
  }
  return {};
}

Status read_models(const Json& body, RegistrySnapshot& snapshot) {
  ASSIGN_OR_RETURN(const Json* const list, list_field(body, "models"));
  if (list->size() > limits::kModels) {
    return fail(ErrorCode::kCorrupt, "more than {} models", limits::kModels);
  }
  for (const Json& json : *list) {
    ASSIGN_OR_RETURN(ModelEntry model, read_model(json));
    snapshot.models.push_back(std::move(model));
  }
  return {};
}

Status read_traffic(const Json& body, RegistrySnapshot& snapshot) {
  ASSIGN_OR_RETURN(const Json* const defaults, object_field(body, "defaults"));
  for (const auto& [name, version] : defaults->items()) {
    ASSIGN_OR_RETURN(snapshot.defaults[name], u32_field(*defaults, name.c_str(), 1));
  }
  ASSIGN_OR_RETURN(const Json* const traffic, object_field(body, "traffic"));
  for (const auto& [name, json] : traffic->items()) {
    TrafficEntry& entry = snapshot.traffic[name];
    ASSIGN_OR_RETURN(entry.shares, read_percentages(json, "shares"));
    ASSIGN_OR_RETURN(entry.shadow, read_percentages(json, "shadow"));
    ASSIGN_OR_RETURN(entry.sticky_header, text_of(json, "sticky_header", limits::kHeadBytes));
  }
  return {};
}

Status read_workers(const Json& body, RegistrySnapshot& snapshot) {
  ASSIGN_OR_RETURN(const Json* const json, object_field(body, "workers"));
  WorkerCounts& workers = snapshot.workers;
  ASSIGN_OR_RETURN(workers.count, u32_field(*json, "count", 1));
  ASSIGN_OR_RETURN(workers.min, u32_field(*json, "min", 1));
  ASSIGN_OR_RETURN(workers.max, u32_field(*json, "max", 1));
  if (workers.min > workers.count || workers.count > workers.max ||
      workers.max > limits::kWorkers) {
    return fail(ErrorCode::kCorrupt, "workers: not min <= count <= max <= {}", limits::kWorkers);
  }
  return {};
}

std::vector<std::uint32_t> versions_of(const RegistrySnapshot& snapshot, std::string_view name) {
  std::vector<std::uint32_t> versions;
  for (const ModelEntry& model : snapshot.models) {
    if (model.name == name) versions.push_back(model.version);
  }
  return versions;
}

Status check_references(const RegistrySnapshot& snapshot) {
  std::set<std::string_view> segments;
  for (const SegmentEntry& segment : snapshot.segments) segments.insert(segment.name);
  std::set<std::pair<std::string_view, std::uint32_t>> models;
  for (const ModelEntry& model : snapshot.models) {
    if (!segments.contains(model.segment)) {
      return fail(ErrorCode::kCorrupt, "model {}: no segment '{}'", model.name, model.segment);
    }
    if (!models.emplace(model.name, model.version).second) {
      return fail(ErrorCode::kCorrupt, "model {}: version {} twice", model.name, model.version);
    }
    const auto chosen = snapshot.defaults.find(model.name);
    if (chosen == snapshot.defaults.end() || !snapshot.find(model.name, chosen->second)) {
      return fail(ErrorCode::kCorrupt, "model {}: its default version is not there", model.name);
    }
  }
  for (const auto& [name, traffic] : snapshot.traffic) {
    if (const Status good = check_traffic(traffic, versions_of(snapshot, name)); !good) {
      return fail(ErrorCode::kCorrupt, "model {}: {}", name, good.error().text);
    }
  }
  return {};
}

Result<RegistrySnapshot> read_snapshot(const Json& body) {
  RegistrySnapshot snapshot;
  ASSIGN_OR_RETURN(snapshot.revision, number_field(body, "revision"));
  ASSIGN_OR_RETURN(snapshot.next_generation, number_field(body, "next_generation"));
  ASSIGN_OR_RETURN(snapshot.back_ends, text_of(body, "back_ends"));
  RETURN_IF_ERROR(read_workers(body, snapshot));
  RETURN_IF_ERROR(read_segments(body, snapshot));
  RETURN_IF_ERROR(read_models(body, snapshot));
  RETURN_IF_ERROR(read_traffic(body, snapshot));
  RETURN_IF_ERROR(check_references(snapshot));
  return snapshot;
}

Status check_percentages(const char* field, const std::map<std::uint32_t, double>& percentages,
                         const std::vector<std::uint32_t>& versions) {
  for (const auto& [version, percent] : percentages) {
    if (std::ranges::find(versions, version) == versions.end()) {
      return fail(ErrorCode::kNotFound, "{}: there is no version {}", field, version);
    }
    if (!(percent >= 0 && percent <= kHundred)) {
      return fail(ErrorCode::kInvalidArgument, "{}: version {}: {} is no percentage (0 to 100)",
                  field, version, percent);
    }
  }
  return {};
}

}  // namespace

const ModelEntry* RegistrySnapshot::find(std::string_view name, std::uint32_t version) const {
  const auto found = std::ranges::find_if(models, [&](const ModelEntry& model) {
    return model.name == name && model.version == version;
  });
  return found == models.end() ? nullptr : &*found;
}

std::string to_json_text(const RegistrySnapshot& snapshot) {
  Json json{{"revision", snapshot.revision},
            {"next_generation", snapshot.next_generation},
            {"back_ends", snapshot.back_ends},
            {"workers",
             {{"count", snapshot.workers.count},
              {"min", snapshot.workers.min},
              {"max", snapshot.workers.max}}},
            {"segments", Json::array()},
            {"models", Json::array()},
            {"defaults", Json::object()},
            {"traffic", Json::object()}};
  for (const SegmentEntry& segment : snapshot.segments) {
    json["segments"].push_back({{"name", segment.name}, {"bytes", segment.bytes}});
  }
  for (const ModelEntry& model : snapshot.models) json["models"].push_back(to_json(model));
  for (const auto& [name, version] : snapshot.defaults) json["defaults"][name] = version;
  for (const auto& [name, traffic] : snapshot.traffic) json["traffic"][name] = to_json(traffic);
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<RegistrySnapshot> snapshot_from_json(std::string_view text) {
  auto body = parse_json(text);
  if (!body || !body->is_object()) return fail(ErrorCode::kCorrupt, "registry: not a JSON object");
  auto snapshot = read_snapshot(*body);
  if (!snapshot) return in_context("registry", snapshot.error());
  return snapshot;
}

Status check_traffic(const TrafficEntry& traffic, const std::vector<std::uint32_t>& versions) {
  RETURN_IF_ERROR(check_percentages("shares", traffic.shares, versions));
  RETURN_IF_ERROR(check_percentages("shadow", traffic.shadow, versions));
  double sum = 0;
  for (const auto& [version, percent] : traffic.shares) sum += percent;
  if (traffic.shares.empty() || std::abs(sum - kHundred) > kRounding) {
    return fail(ErrorCode::kInvalidArgument, "shares: they add up to {}, not to 100", sum);
  }
  return {};
}

}  // namespace onecopy
