// `onecopy serve --config FILE.toml`.
#include <fmt/ranges.h>
#include <toml++/toml.h>

#include <algorithm>
#include <array>
#include <span>

#include "host/options.h"
#include "shared/base/limits.h"
#include "shared/base/small_file.h"
#include "shared/segment/names.h"

namespace onecopy::host {
namespace {

Status check_keys(const toml::table& table, std::span<const std::string_view> known,
                  std::string_view where) {
  for (const auto& [key, value] : table) {
    if (std::find(known.begin(), known.end(), key.str()) == known.end()) {
      return fail(ErrorCode::kInvalidArgument, "{}: unknown key \"{}\"; known: {}", where,
                  key.str(), fmt::join(known, ", "));
    }
  }
  return {};
}

// Reads table[key] into `to` where it is there.
Status read_text(const toml::table& table, std::string_view key, std::string& to) {
  const toml::node* node = table.get(key);
  if (node == nullptr) return {};
  const auto value = node->value_exact<std::string>();
  if (!value) return fail(ErrorCode::kInvalidArgument, "{}: a text is needed", key);
  to = *value;
  return {};
}

template <class Number>
Status read_number(const toml::table& table, std::string_view key, std::int64_t least,
                   std::int64_t most, Number& to) {
  const toml::node* node = table.get(key);
  if (node == nullptr) return {};
  const auto value = node->value_exact<std::int64_t>();
  if (!value || *value < least || *value > most) {
    return fail(ErrorCode::kInvalidArgument, "{}: a whole number from {} to {} is needed", key,
                least, most);
  }
  to = static_cast<Number>(*value);
  return {};
}

Result<ModelSource> read_model(const toml::node& node, const std::filesystem::path& folder) {
  static constexpr std::array<std::string_view, 5> kKeys = {"name", "path", "precision", "version",
                                                            "adapter"};
  const toml::table* table = node.as_table();
  if (table == nullptr) return fail(ErrorCode::kInvalidArgument, "[[model]]: a table is needed");
  RETURN_IF_ERROR(check_keys(*table, kKeys, "[[model]]"));
  ModelSource model;
  std::string path;
  std::string precision = "f32";
  std::string adapter;
  RETURN_IF_ERROR(read_text(*table, "name", model.name));
  RETURN_IF_ERROR(read_text(*table, "path", path));
  RETURN_IF_ERROR(read_text(*table, "precision", precision));
  RETURN_IF_ERROR(read_text(*table, "adapter", adapter));
  RETURN_IF_ERROR(read_number(*table, "version", 1, UINT32_MAX, model.version));
  if (!is_valid_name(model.name)) {
    return fail(ErrorCode::kInvalidArgument, "[[model]] name \"{}\": {}", model.name, kNameRule);
  }
  if (path.empty())
    return fail(ErrorCode::kInvalidArgument, "[[model]] {}: path is missing", model.name);
  RETURN_IF_ERROR(apply_model_setting(model, "precision", precision));
  model.folder = folder / path;
  if (!adapter.empty()) model.adapter = folder / adapter;
  return model;
}

Status read_folder(const toml::table& table, std::string_view key,
                   const std::filesystem::path& folder, std::filesystem::path& to) {
  std::string text;
  RETURN_IF_ERROR(read_text(table, key, text));
  if (!text.empty()) to = folder / text;
  return {};
}

Status read_orphans(const toml::table& table, bool& end) {
  std::string text = "keep";
  RETURN_IF_ERROR(read_text(table, "orphans", text));
  if (text != "keep" && text != "end") {
    return fail(ErrorCode::kInvalidArgument, "orphans: \"keep\" or \"end\" is needed");
  }
  end = text == "end";
  return {};
}

Result<ServeOptions> read_table(const toml::table& table, const std::filesystem::path& folder) {
  static constexpr std::array<std::string_view, 13> kKeys = {
      "workers",         "min-workers",     "max-workers",    "host",       "port",
      "management-host", "management-port", "management-key", "model-root", "instance",
      "answer-cache-mb", "orphans",         "model"};
  RETURN_IF_ERROR(check_keys(table, kKeys, "the file"));
  ServeOptions options;
  RETURN_IF_ERROR(read_number(table, "workers", 1, limits::kWorkers, options.workers));
  RETURN_IF_ERROR(read_number(table, "min-workers", 1, limits::kWorkers, options.min_workers));
  RETURN_IF_ERROR(read_number(table, "max-workers", 1, limits::kWorkers, options.max_workers));
  RETURN_IF_ERROR(read_number(table, "port", 0, UINT16_MAX, options.port));
  RETURN_IF_ERROR(read_number(table, "management-port", 0, UINT16_MAX, options.management_port));
  RETURN_IF_ERROR(read_text(table, "host", options.host));
  RETURN_IF_ERROR(read_text(table, "management-host", options.management_host));
  RETURN_IF_ERROR(read_folder(table, "management-key", folder, options.management_key));
  RETURN_IF_ERROR(read_folder(table, "model-root", folder, options.model_root));
  RETURN_IF_ERROR(read_text(table, "instance", options.instance));
  RETURN_IF_ERROR(read_number(table, "answer-cache-mb", 0, limits::kMostAnswerCacheMb,
                              options.answer_cache_mb));
  RETURN_IF_ERROR(read_orphans(table, options.orphans_end));
  const toml::node* models = table.get("model");
  if (models == nullptr) return options;
  if (models->as_array() == nullptr) {
    return fail(ErrorCode::kInvalidArgument, "model: write [[model]] tables");
  }
  for (const toml::node& node : *models->as_array()) {
    ASSIGN_OR_RETURN(ModelSource model, read_model(node, folder));
    options.models.push_back(std::move(model));
  }
  return options;
}

}  // namespace

Result<ServeOptions> read_config(const std::filesystem::path& file) {
  ASSIGN_OR_RETURN(const std::string text, read_small_file(file));
  try {
    const toml::table table = toml::parse(text, file.string());
    auto options = read_table(table, file.parent_path());
    if (!options) return in_context(file.string(), options.error());
    return options;
  } catch (const toml::parse_error& e) {
    return fail(ErrorCode::kInvalidArgument, "{}: line {}: {}", file.string(),
                e.source().begin.line, e.description());
  }
}

}  // namespace onecopy::host
