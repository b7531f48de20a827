#include "host/registry/model_registry.h"

#include <algorithm>
#include <utility>

#include "shared/base/limits.h"
#include "shared/segment/names.h"

namespace onecopy::host {
namespace {

// Set in the names of what precision=auto only compares with (publish/load_auto.cpp).
constexpr std::uint64_t kFirstReference = std::uint64_t{1} << 62;

}  // namespace

HeldSegment::Pointer ModelRegistry::segment(std::string_view name) const {
  const auto found = std::ranges::find(segments_, name, [](const auto& s) { return s->name(); });
  return found == segments_.end() ? nullptr : *found;
}

int ModelRegistry::segment_fd(std::string_view name) const {
  const auto found = segment(name);
  return found ? found->fd() : -1;
}

std::vector<std::uint32_t> ModelRegistry::versions_of(std::string_view model) const {
  std::vector<std::uint32_t> versions;
  for (const ModelEntry& entry : snapshot_.models) {
    if (entry.name == model) versions.push_back(entry.version);
  }
  std::ranges::sort(versions);
  return versions;
}

std::vector<std::string> ModelRegistry::adopt(RegistrySnapshot snapshot,
                                              std::vector<HeldSegment::Pointer> segments) {
  snapshot_ = std::move(snapshot);
  own_.clear();
  for (const ModelEntry& entry : snapshot_.models) {
    const auto found =
        std::ranges::find(segments, entry.segment, [](const auto& s) { return s->name(); });
    if (found != segments.end()) own_[entry.segment] = *found;
  }
  std::vector<std::string> left_out;
  const std::vector<ModelEntry> models = snapshot_.models;
  for (const ModelEntry& entry : models) {
    if (own_.contains(entry.segment)) continue;
    left_out.push_back(fmt::format("{}:{}", entry.name, entry.version));
    erase(entry.name, entry.version);
  }
  changed();
  return left_out;
}

std::uint64_t ModelRegistry::take_generation(std::string_view instance) {
  for (const std::string& text : list_segments(instance)) {
    const auto name = parse_segment_name(text);
    if (!name || name->generation >= kFirstReference) continue;
    snapshot_.next_generation = std::max(snapshot_.next_generation, name->generation + 1);
  }
  return snapshot_.next_generation++;
}

Outcome<void> ModelRegistry::check_new(std::string_view model, std::uint32_t version) const {
  if (!is_valid_name(model)) {
    return refuse(Refused::kBadRequest, "model_name: a name is 1 to 64 of A-Z a-z 0-9 . _ -");
  }
  if (version == 0 || version > limits::kModelVersion) {
    return refuse(Refused::kBadRequest, "version: {} is not from 1 to {}", version,
                  limits::kModelVersion);
  }
  if (snapshot_.find(model, version) != nullptr) {
    return refuse(Refused::kConflict, "Model version {} is already registered for model {}",
                  version, model);
  }
  if (snapshot_.models.size() >= limits::kModels) {
    return refuse(Refused::kConflict, "{} models are served, the most that one instance does",
                  limits::kModels);
  }
  return {};
}

void ModelRegistry::put(ModelEntry entry, const HeldSegment::Pointer& segment) {
  std::erase_if(snapshot_.models, [&](const ModelEntry& known) {
    return known.name == entry.name && known.version == entry.version;
  });
  snapshot_.defaults.try_emplace(entry.name, entry.version);
  entry.segment = segment->name();
  own_[entry.segment] = segment;
  snapshot_.models.push_back(std::move(entry));
  changed();
}

Outcome<void> ModelRegistry::check_version(std::string_view model, std::uint32_t version) const {
  if (snapshot_.find(model, version) != nullptr) return {};
  if (versions_of(model).empty()) {
    return refuse(Refused::kNotFound, "Model not found: {}", model);
  }
  return refuse(Refused::kNotFound, "Model version: {} does not exist for model: {}", version,
                model);
}

Outcome<void> ModelRegistry::remove(std::string_view model, std::uint32_t version) {
  if (auto there = check_version(model, version); !there) return there;
  const bool is_last = versions_of(model).size() == 1;
  if (!is_last && snapshot_.defaults.at(std::string(model)) == version) {
    return refuse(Refused::kForbidden,
                  "Cannot remove default version for model {}: make another version the default "
                  "first",
                  model);
  }
  const auto traffic = snapshot_.traffic.find(std::string(model));
  if (!is_last && traffic != snapshot_.traffic.end()) {
    const auto share = traffic->second.shares.find(version);
    if (share != traffic->second.shares.end() && share->second > 0) {
      return refuse(Refused::kConflict,
                    "Model {}: version {} has {} % of the requests: share them out anew first",
                    model, version, share->second);
    }
  }
  erase(model, version);
  changed();
  return {};
}

void ModelRegistry::withdraw(std::string_view model, std::uint32_t version) {
  erase(model, version);
  changed();
}

Outcome<void> ModelRegistry::remove_all(std::string_view model) {
  const auto versions = versions_of(model);
  if (versions.empty()) return refuse(Refused::kNotFound, "Model not found: {}", model);
  for (const std::uint32_t version : versions) erase(model, version);
  changed();
  return {};
}

// Default and traffic follow: they never name what is not there.
void ModelRegistry::erase(std::string_view model, std::uint32_t version) {
  std::erase_if(snapshot_.models, [&](const ModelEntry& entry) {
    return entry.name == model && entry.version == version;
  });
  const std::string name(model);
  const auto left = versions_of(model);
  if (left.empty()) {
    snapshot_.defaults.erase(name);
    snapshot_.traffic.erase(name);
    return;
  }
  if (snapshot_.defaults[name] == version) snapshot_.defaults[name] = left.back();
  const auto traffic = snapshot_.traffic.find(name);
  if (traffic == snapshot_.traffic.end()) return;
  traffic->second.shares.erase(version);
  traffic->second.shadow.erase(version);
  if (!check_traffic(traffic->second, left)) snapshot_.traffic.erase(traffic);
}

Outcome<void> ModelRegistry::set_default(std::string_view model, std::uint32_t version) {
  if (auto there = check_version(model, version); !there) return there;
  snapshot_.defaults[std::string(model)] = version;
  changed();
  return {};
}

Outcome<void> ModelRegistry::set_traffic(const std::string& model, TrafficEntry traffic) {
  const auto versions = versions_of(model);
  if (versions.empty()) return refuse(Refused::kNotFound, "Model not found: {}", model);
  if (traffic.shares.empty() && traffic.shadow.empty()) {
    snapshot_.traffic.erase(model);
    changed();
    return {};
  }
  if (traffic.shares.empty()) traffic.shares[snapshot_.defaults.at(model)] = 100;
  if (const Status good = check_traffic(traffic, versions); !good) {
    return tl::unexpected<Refusal>(refusal_of(good.error()));
  }
  snapshot_.traffic[model] = std::move(traffic);
  changed();
  return {};
}

Outcome<void> ModelRegistry::set_workers(WorkerCounts workers) {
  if (workers.min < 1 || workers.min > workers.count || workers.count > workers.max ||
      workers.max > limits::kWorkers) {
    return refuse(Refused::kBadRequest,
                  "workers: {} is not from min {} to max {}, with 1 <= min and max <= {}",
                  workers.count, workers.min, workers.max, limits::kWorkers);
  }
  snapshot_.workers = workers;
  changed();
  return {};
}

void ModelRegistry::set_back_ends(std::string text) {
  snapshot_.back_ends = std::move(text);
  changed();
}

void ModelRegistry::leave_names() const {
  for (const auto& segment : segments_) segment->leave_name();
}

// Segments that no model needs any more lose their last owner here, and with it their name.
void ModelRegistry::collect_segments() {
  std::map<std::string, HeldSegment::Pointer, std::less<>> own;
  segments_.clear();
  snapshot_.segments.clear();
  for (const ModelEntry& entry : snapshot_.models) {
    const auto& segment = own[entry.segment] = own_.at(entry.segment);
    for (const auto& one : with_borrowed(segment)) {
      if (std::ranges::find(segments_, one) != segments_.end()) continue;
      segments_.push_back(one);
      snapshot_.segments.push_back({one->name(), one->bytes()});
    }
  }
  own_ = std::move(own);
}

void ModelRegistry::changed() {
  collect_segments();
  ++snapshot_.revision;
}

}  // namespace onecopy::host
