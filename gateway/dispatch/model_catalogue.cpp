#include "gateway/dispatch/model_catalogue.h"

#include <fmt/ranges.h>

#include <utility>

#include "shared/base/quoted.h"
#include "shared/segment/segment_reader.h"

namespace onecopy::gateway {
namespace {

// A list for an error text: not longer than a screen line or two.
template <class Map>
std::string listed(const Map& map) {
  constexpr std::size_t kShown = 20;
  std::string text;
  std::size_t count = 0;
  for (const auto& [key, value] : map) {
    if (count++ == kShown) return text + ", ...";
    fmt::format_to(std::back_inserter(text), "{}{}", text.empty() ? "" : ", ", key);
  }
  return text;
}

}  // namespace

Result<ModelInfo> read_model_info(const std::string& segment) {
  ASSIGN_OR_RETURN(const Segment opened, Segment::open(segment, Segment::Check::kStructure));
  return opened.info();
}

void ModelCatalogue::add(Model model) {
  auto [entry, is_new] = models_.try_emplace(model.name);
  Versions& versions = entry->second;
  if (is_new) versions.default_version = model.version;
  const std::uint32_t number = model.version;
  versions.by_number[number] = std::make_shared<const Model>(std::move(model));
}

Result<ModelPtr> ModelCatalogue::find(std::string_view name,
                                      std::optional<std::uint32_t> version) const {
  const auto entry = models_.find(name);
  if (entry == models_.end()) {
    if (models_.empty()) return fail(ErrorCode::kNotFound, "no models are loaded");
    return fail(ErrorCode::kNotFound, "no model named '{}'; there are: {}", shortened(name),
                listed(models_));
  }
  const Versions& versions = entry->second;
  const auto found = versions.by_number.find(version.value_or(versions.default_version));
  if (found == versions.by_number.end()) {
    return fail(ErrorCode::kNotFound, "model {} has no version {}; there are: {}", entry->first,
                *version, listed(versions.by_number));
  }
  return found->second;
}

std::vector<ModelPtr> ModelCatalogue::with_task(Task task) const {
  std::vector<ModelPtr> result;
  for (const auto& [name, versions] : models_) {
    const ModelPtr& model = versions.by_number.at(versions.default_version);
    if (model->info.task == task) result.push_back(model);
  }
  return result;
}

}  // namespace onecopy::gateway
