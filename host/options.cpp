#include "host/options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <charconv>
#include <functional>
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

// What was not said follows from what was; kInvalidArgument where that contradicts itself.
Status settle_workers(ServeOptions& options) {
  const unsigned cores = std::min(usable_cores(), static_cast<unsigned>(limits::kWorkers));
  const bool said = options.workers != 0;
  if (!said) {
    options.workers = std::max(cores, options.min_workers);
    if (options.max_workers != 0) options.workers = std::min(options.workers, options.max_workers);
  }
  if (options.min_workers == 0) options.min_workers = options.workers;
  if (options.max_workers == 0) options.max_workers = options.workers;
  if (options.min_workers <= options.workers && options.workers <= options.max_workers) return {};
  return fail(ErrorCode::kInvalidArgument,
              "--workers {} is not between --min-workers {} and --max-workers {}", options.workers,
              options.min_workers, options.max_workers);
}

bool is_loopback(const std::string& host) {
  return host.starts_with("127.") || host == "::1" || host == "localhost";
}

Status check(ServeOptions& options) {
  if (options.models.empty() && options.model_root.empty()) {
    return fail(ErrorCode::kInvalidArgument,
                "no model to serve: add --model NAME=DIR, or --model-root DIR to register models "
                "from while it serves");
  }
  if (options.models.size() > limits::kModels) {
    return fail(ErrorCode::kInvalidArgument, "{} models, more than the {} of one instance",
                options.models.size(), limits::kModels);
  }
  if (!is_valid_name(options.instance)) {
    return fail(ErrorCode::kInvalidArgument, "--instance {}: {}", options.instance, kNameRule);
  }
  if (!is_loopback(options.management_host) && options.management_key.empty()) {
    return fail(ErrorCode::kInvalidArgument,
                "--management-host {}: others could change what is served: give a "
                "--management-key FILE too",
                options.management_host);
  }
  return settle_workers(options);
}

// The command line as CLI11 sees it.
class CommandLine {
 public:
  CommandLine() {
    app_.add_option(
        "--model", models_,
        "NAME=DIR[,precision=f32|bf16|int8|auto][,version=N][,adapter=DIR]; repeatable");
    app_.add_option("--config", options_.config,
                    "TOML file with the same settings; the command line wins");
    add("--workers", &ServeOptions::workers, "worker processes (default: one per core)")
        ->check(workers_range());
    add("--min-workers", &ServeOptions::min_workers,
        "fewest, where their number follows the load (default: --workers)")
        ->check(workers_range());
    add("--max-workers", &ServeOptions::max_workers, "most (default: --workers)")
        ->check(workers_range());
    add("--host", &ServeOptions::host, "address to listen on")->capture_default_str();
    add("--port", &ServeOptions::port, "inference port, 0 = any free one")->capture_default_str();
    add("--management-host", &ServeOptions::management_host,
        "address of the management port; others than loopback need a key")
        ->capture_default_str();
    add("--management-port", &ServeOptions::management_port, "0 = any free one")
        ->capture_default_str();
    add("--management-key", &ServeOptions::management_key,
        "file with the key that management requests must bring");
    add("--model-root", &ServeOptions::model_root,
        "models in this folder may be registered while it serves");
    add("--instance", &ServeOptions::instance,
        "names the segments; two instances live side by side")
        ->capture_default_str();
    add("--answer-cache-mb", &ServeOptions::answer_cache_mb,
        "memory for answers to requests that come again; 0 = none")
        ->check(CLI::Range(0U, static_cast<unsigned>(limits::kMostAnswerCacheMb)))
        ->capture_default_str();
    CLI::Option* const orphans =
        app_.add_option("--orphans", orphans_,
                        "keep: gateway and workers serve on when the host is killed; end: they end "
                        "with it")
            ->check(CLI::IsMember({"keep", "end"}))
            ->capture_default_str();
    from_file_.push_back([this, orphans](const ServeOptions& file) {
      options_.orphans_end = orphans->count() == 0 ? file.orphans_end : orphans_ == "end";
    });
  }

  // Nothing: the exit code.
  std::optional<int> parse(int argc, const char* const* argv) {
    try {
      app_.parse(argc, argv);
      return std::nullopt;
    } catch (const CLI::ParseError& e) {
      return app_.exit(e) == 0 ? 0 : 2;
    }
  }

  Result<ServeOptions> read() {
    for (const std::string& model : models_) {
      ASSIGN_OR_RETURN(ModelSource source, parse_model(model));
      options_.models.push_back(std::move(source));
    }
    ServeOptions file;
    if (!options_.config.empty()) {
      ASSIGN_OR_RETURN(file, read_config(options_.config));
    }
    for (const auto& take : from_file_) take(file);
    RETURN_IF_ERROR(merge_models(options_, std::move(file.models)));
    RETURN_IF_ERROR(check(options_));
    return std::move(options_);
  }

 private:
  static CLI::Range workers_range() {
    return CLI::Range(1U, static_cast<unsigned>(limits::kWorkers));
  }
  // An option that the config file may have too.
  template <class Value>
  CLI::Option* add(const std::string& name, Value ServeOptions::*member, const std::string& help) {
    CLI::Option* const option = app_.add_option(name, options_.*member, help);
    from_file_.push_back([this, option, member](const ServeOptions& file) {
      if (option->count() == 0) options_.*member = file.*member;
    });
    return option;
  }

  CLI::App app_{"Serves Hugging Face encoder models from one copy in shared memory.",
                "onecopy serve"};
  ServeOptions options_;
  std::vector<std::string> models_;
  std::string orphans_ = "keep";
  std::vector<std::function<void(const ServeOptions&)>> from_file_;
};

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

Result<ParsedOptions> parse_options(int argc, const char* const* argv) {
  CommandLine line;
  if (const auto exit_code = line.parse(argc, argv)) return ParsedOptions{std::nullopt, *exit_code};
  ASSIGN_OR_RETURN(ServeOptions options, line.read());
  return ParsedOptions{std::move(options), 0};
}

}  // namespace onecopy::host
