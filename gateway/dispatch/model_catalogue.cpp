#include "gateway/dispatch/model_catalogue.h"

#include <fmt/ranges.h>

#include <utility>

#include "shared/base/quoted.h"

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

ModelPtr version_or_null(const Versions& versions, std::uint32_t number) {
  const auto found = versions.by_number.find(number);
  return found == versions.by_number.end() ? nullptr : found->second;
}

}  // namespace

Result<const Versions*> ModelCatalogue::versions_of(std::string_view name) const {
  const auto entry = table_.find(name);
  if (entry != table_.end()) return &entry->second;
  if (table_.empty()) return fail(ErrorCode::kNotFound, "no models are loaded");
  return fail(ErrorCode::kNotFound, "no model named '{}'; there are: {}", shortened(name),
              listed(table_));
}

Result<ModelPtr> ModelCatalogue::find(std::string_view name,
                                      std::optional<std::uint32_t> version) const {
  ASSIGN_OR_RETURN(const Versions* const versions, versions_of(name));
  const std::uint32_t number = version.value_or(versions->default_version);
  if (ModelPtr model = version_or_null(*versions, number)) return model;
  return fail(ErrorCode::kNotFound, "model {} has no version {}; there are: {}", name, number,
              listed(versions->by_number));
}

Result<Choice> ModelCatalogue::choose(std::string_view name, const HeaderLookup& header_of) {
  ASSIGN_OR_RETURN(const Versions* const versions, versions_of(name));
  Choice choice;
  if (!versions->traffic) {
    ASSIGN_OR_RETURN(choice.model, find(name));
    return choice;
  }
  const TrafficEntry& traffic = *versions->traffic;
  std::optional<std::string_view> sticky;
  if (!traffic.sticky_header.empty()) sticky = header_of(traffic.sticky_header);
  ASSIGN_OR_RETURN(choice.model, find(name, splitter_.choose(traffic, sticky)));
  for (const std::uint32_t number : splitter_.shadows(traffic)) {
    ModelPtr shadow = version_or_null(*versions, number);
    if (shadow && shadow != choice.model && shadow->info.task == choice.model->info.task) {
      choice.shadows.push_back(std::move(shadow));
    }
  }
  return choice;
}

std::vector<ModelPtr> ModelCatalogue::with_task(Task task) const {
  std::vector<ModelPtr> result;
  for (const auto& [name, versions] : table_) {
    const ModelPtr model = version_or_null(versions, versions.default_version);
    if (model && model->info.task == task) result.push_back(model);
  }
  return result;
}

}  // namespace onecopy::gateway
