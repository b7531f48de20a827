#include "host/publish/model_folder.h"

#include <array>
#include <string>
#include <vector>

#include "shared/base/json_fields.h"
#include "shared/base/limits.h"

namespace onecopy::host {
namespace {

namespace fs = std::filesystem;

struct Module {
  std::string type;  // the class's name without its package
  fs::path folder;
};

// A module's folder lies inside the model's, whatever modules.json says.
bool stays_inside(const fs::path& path) {
  if (path.is_absolute() || path.native().find('\0') != std::string::npos) return false;
  for (const fs::path& part : path) {
    if (part == "..") return false;
  }
  return true;
}

Result<std::vector<Module>> read_modules(const fs::path& folder) {
  const fs::path path = folder / "modules.json";
  ASSIGN_OR_RETURN(const Json json, read_json_file(path));
  if (!json.is_array() || json.size() > 16) {
    return fail(ErrorCode::kInvalidArgument, "{}: not a list of modules", path.string());
  }
  std::vector<Module> modules;
  for (const Json& item : json) {
    if (!item.is_object())
      return fail(ErrorCode::kInvalidArgument, "{}: {} is no module", path.string(), shown(item));
    const JsonFields fields(item, path.string());
    ASSIGN_OR_RETURN(const std::string type, fields.text("type", ""));
    ASSIGN_OR_RETURN(const std::string place, fields.text("path", ""));
    if (!stays_inside(place)) {
      return fail(ErrorCode::kInvalidArgument, "{}: the path {} leaves the folder", path.string(),
                  shown(place));
    }
    modules.push_back({type.substr(type.rfind('.') + 1), place.empty() ? folder : folder / place});
  }
  return modules;
}

// Transformer, Pooling, and perhaps Normalize: anything else would change the vectors.
Status check_modules(const std::vector<Module>& modules, const fs::path& folder) {
  constexpr std::array kExpected = {"Transformer", "Pooling", "Normalize"};
  for (std::size_t i = 0; i < modules.size(); ++i) {
    if (i < kExpected.size() && modules[i].type == kExpected[i]) continue;
    return fail(ErrorCode::kUnsupported,
                "{}: module {} ({}) is not supported; Transformer, Pooling and Normalize are, "
                "in this order",
                (folder / "modules.json").string(), i, shown(modules[i].type));
  }
  if (modules.size() >= 2) return {};
  return fail(ErrorCode::kUnsupported, "{}: there must be a Transformer and a Pooling",
              (folder / "modules.json").string());
}

Result<Pooling> pooling_of(std::string_view mode, const JsonFields& fields) {
  if (mode == "mean") return Pooling::kMean;
  if (mode == "cls") return Pooling::kCls;
  if (mode == "max") return Pooling::kMax;
  return fail(ErrorCode::kUnsupported,
              "{}: pooling {} is not supported; one of mean, cls and max is", fields.where(),
              shown(Json(mode)));
}

// "pooling_mode": "mean", or one flag for each kind, of which exactly one may be set.
Result<Pooling> read_pooling(const fs::path& folder) {
  ASSIGN_OR_RETURN(const Json json, read_json_object(folder / "config.json"));
  const JsonFields fields(json, (folder / "config.json").string());
  if (fields.find("pooling_mode") != nullptr) {
    ASSIGN_OR_RETURN(const std::string mode, fields.text("pooling_mode", ""));
    return pooling_of(mode, fields);
  }
  std::string modes;
  for (const auto& [key, value] : json.items()) {
    constexpr std::string_view kFlag = "pooling_mode_";
    if (!key.starts_with(kFlag) || value != true) continue;
    modes += fmt::format("{}{}", modes.empty() ? "" : " with ", key.substr(kFlag.size()));
  }
  if (modes == "mean_tokens") return Pooling::kMean;
  if (modes == "cls_token") return Pooling::kCls;
  if (modes == "max_tokens") return Pooling::kMax;
  return pooling_of(modes.empty() ? "none" : modes, fields);
}

// Older folders name the file after their family.
fs::path find_sentence_config(const fs::path& folder) {
  std::error_code error;
  for (const char* family : {"bert", "roberta", "distilbert", "camembert", "xlm-roberta"}) {
    fs::path path = folder / fmt::format("sentence_{}_config.json", family);
    if (fs::exists(path, error)) return path;
  }
  return {};
}

Result<std::optional<std::uint32_t>> read_max_tokens(const fs::path& folder) {
  const fs::path path = find_sentence_config(folder);
  if (path.empty()) return std::nullopt;
  ASSIGN_OR_RETURN(const Json json, read_json_object(path));
  const JsonFields fields(json, path.string());
  RETURN_IF_ERROR(fields.must_be("do_lower_case", false));
  if (fields.find("max_seq_length") == nullptr) return std::nullopt;
  ASSIGN_OR_RETURN(const std::uint32_t most, fields.number("max_seq_length", 0, 1, UINT32_MAX));
  return most;
}

// A prompt that sentence-transformers would put before every text.
Status refuse_prompt(const fs::path& folder) {
  const fs::path path = folder / "config_sentence_transformers.json";
  std::error_code error;
  if (!fs::exists(path, error)) return {};
  ASSIGN_OR_RETURN(const Json json, read_json_object(path));
  return JsonFields(json, path.string()).must_be("default_prompt_name", nullptr);
}

}  // namespace

Result<ModelFolder> read_model_folder(const fs::path& folder) {
  std::error_code error;
  if (!fs::is_directory(folder, error)) {
    return fail(ErrorCode::kNotFound, "{}: {}", folder.string(),
                error ? error.message() : "not a folder");
  }
  if (!fs::exists(folder / "modules.json", error)) return ModelFolder{folder, std::nullopt};
  ASSIGN_OR_RETURN(const auto modules, read_modules(folder));
  RETURN_IF_ERROR(check_modules(modules, folder));
  RETURN_IF_ERROR(refuse_prompt(folder));
  SentenceModules sentence;
  sentence.normalize = modules.size() == 3;
  ASSIGN_OR_RETURN(sentence.pooling, read_pooling(modules[1].folder));
  ASSIGN_OR_RETURN(sentence.max_tokens, read_max_tokens(modules[0].folder));
  return ModelFolder{modules[0].folder, sentence};
}

}  // namespace onecopy::host
