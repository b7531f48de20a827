#include "host/options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "shared/base/cpu_count.h"
#include "shared/base/limits.h"
#include "shared/segment/names.h"

namespace onecopy::host {
namespace {

constexpr std::array<std::string_view, 3> kModelKeys = {"precision", "version", "adapter"};

// Where the last ",key=" with a known key begins; npos when there is none.
std::size_t last_setting(std::string_view text) {
  std::size_t last = std::string_view::npos;
  for (const std::string_view key : kModelKeys) {
    const std::size_t at = text.rfind(fmt::format(",{}=", key));
    if (at != std::string_view::npos && (last == std::string_view::npos || at > last)) last = at;
  }
  return last;
}

Result<std::uint32_t> parse_version(std::string_view text) {
  std::uint32_t version = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), version);
  if (error != std::errc() || end != text.data() + text.size() || version == 0) {
    return fail(ErrorCode::kInvalidArgument, "version={}: a positive whole number is needed", text);
  }
  return version;
}

Result<PrecisionChoice> parse_precision(std::string_view text) {
  if (text == "f32") return PrecisionChoice::kF32;
  if (text == "bf16") return PrecisionChoice::kBf16;
  if (text == "int8") return PrecisionChoice::kInt8;
  if (text == "auto") return PrecisionChoice::kAuto;
  return fail(ErrorCode::kInvalidArgument, "precision={}: f32, bf16, int8 or auto is needed", text);
}

Status add_model(ServeOptions& options, ModelSource model) {
  const auto same = std::find_if(
      options.models.begin(), options.models.end(),
      [&](const ModelSource& m) { return m.name == model.name && m.version == model.version; });
  if (same != options.models.end()) {
    return fail(ErrorCode::kInvalidArgument,
                "--model {}: named twice with version {}; give another version=N", model.name,
                model.version);
  }
  options.models.push_back(std::move(model));
  return {};
}

// The command line wins: a model of the file under a name that the command line also has is left
// out.
Status merge_models(ServeOptions& options, std::vector<ModelSource> from_file) {
  const std::vector<ModelSource> from_line = std::move(options.models);
  options.models.clear();
  for (ModelSource& model : from_file) {
    const bool replaced = std::any_of(from_line.begin(), from_line.end(),
                                      [&](const ModelSource& m) { return m.name == model.name; });
    if (!replaced) RETURN_IF_ERROR(add_model(options, std::move(model)));
  }
  for (const ModelSource& model : from_line) RETURN_IF_ERROR(add_model(options, model));
  return {};
}

Status check(ServeOptions& options) {
  if (options.models.empty()) {
    return fail(ErrorCode::kInvalidArgument, "no model to serve: add --model NAME=DIR");
  }
  if (options.models.size() > limits::kModels) {
    return fail(ErrorCode::kInvalidArgument, "{} models, more than the {} of one instance",
                options.models.size(), limits::kModels);
  }
  if (!is_valid_name(options.instance)) {
    return fail(ErrorCode::kInvalidArgument, "--instance {}: {}", options.instance, kNameRule);
  }
  if (options.workers == 0) {
    options.workers = std::min(usable_cores(), static_cast<unsigned>(limits::kWorkers));
  }
  return {};
}

}  // namespace

Result<ModelSource> parse_model(std::string_view text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos || equals == 0 || equals + 1 == text.size()) {
    return fail(ErrorCode::kInvalidArgument, "--model {}: expected NAME=DIR", text);
  }
  ModelSource model;
  model.name = text.substr(0, equals);
  if (!is_valid_name(model.name))
    return fail(ErrorCode::kInvalidArgument, "--model {}: {}", model.name, kNameRule);
  std::string_view rest = text.substr(equals + 1);
  for (std::size_t at = last_setting(rest); at != std::string_view::npos; at = last_setting(rest)) {
    const std::string_view setting = rest.substr(at + 1);
    const std::string_view key = setting.substr(0, setting.find('='));
    RETURN_IF_ERROR(apply_model_setting(model, key, setting.substr(key.size() + 1)));
    rest = rest.substr(0, at);
  }
  model.folder = rest;
  return model;
}

Status apply_model_setting(ModelSource& model, std::string_view key, std::string_view value) {
  if (key == "adapter") {
    model.adapter = value;
    return {};
  }
  if (key == "version") {
    ASSIGN_OR_RETURN(model.version, parse_version(value));
    return {};
  }
  const auto precision = parse_precision(value);
  if (!precision) return in_context(fmt::format("model {}", model.name), precision.error());
  model.precision = *precision;
  return {};
}

Result<ParsedOptions> parse_options(int argc, char** argv) {
  CLI::App app("Serves Hugging Face encoder models from one copy in shared memory.",
               "onecopy serve");
  ServeOptions options;
  std::vector<std::string> models;
  std::string config;
  app.add_option("--model", models,
                 "NAME=DIR[,precision=f32|bf16|int8|auto][,version=N][,adapter=DIR]; repeatable");
  app.add_option("--config", config, "TOML file with the same settings; the command line wins");
  auto* workers =
      app.add_option("--workers", options.workers, "worker processes (default: one per core)")
          ->check(CLI::Range(1U, static_cast<unsigned>(limits::kWorkers)));
  auto* host =
      app.add_option("--host", options.host, "address to listen on")->capture_default_str();
  auto* port = app.add_option("--port", options.port, "inference port, 0 = any free one")
                   ->capture_default_str();
  auto* management =
      app.add_option("--management-port", options.management_port, "0 = any free one")
          ->capture_default_str();
  auto* instance = app.add_option("--instance", options.instance,
                                  "names the segments; two instances live side by side")
                       ->capture_default_str();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    const int code = app.exit(e);
    return ParsedOptions{std::nullopt, code == 0 ? 0 : 2};
  }
  for (const std::string& model : models) {
    ASSIGN_OR_RETURN(ModelSource source, parse_model(model));
    options.models.push_back(std::move(source));
  }
  if (!config.empty()) {
    ASSIGN_OR_RETURN(ServeOptions file, read_config(config));
    if (workers->count() == 0) options.workers = file.workers;
    if (host->count() == 0) options.host = file.host;
    if (port->count() == 0) options.port = file.port;
    if (management->count() == 0) options.management_port = file.management_port;
    if (instance->count() == 0) options.instance = file.instance;
    RETURN_IF_ERROR(merge_models(options, std::move(file.models)));
  } else {
    RETURN_IF_ERROR(merge_models(options, {}));
  }
  RETURN_IF_ERROR(check(options));
  return ParsedOptions{std::move(options), 0};
}

}  // namespace onecopy::host
