// What `onecopy serve` was asked for: command line and config file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "host/publish/model_loader.h"
#include "shared/base/limits.h"
#include "shared/base/status.h"

namespace onecopy::host {

struct ServeOptions {
  std::vector<ModelSource> models;
  unsigned workers = 0;      // to start with; 0: as many as the process may use cores
  unsigned min_workers = 0;  // 0: as workers
  unsigned max_workers = 0;
  std::string host = "127.0.0.1";
  std::uint16_t port = 8080;  // 0: any free one
  std::string management_host = "127.0.0.1";
  std::uint16_t management_port = 8081;
  std::filesystem::path management_key;  // file; empty: none
  std::filesystem::path model_root;      // models may be registered from; empty: none
  std::string instance = "default";
  unsigned answer_cache_mb = limits::kAnswerCacheMb;  // 0: none
  bool orphans_end = false;                           // gateway and nursery end with their host
  std::filesystem::path config;  // the file that these came from too; empty: none
};

// "NAME=DIR[,precision=f32|bf16|int8|auto][,version=N][,adapter=DIR]". A comma that is not followed
// by one of these keys belongs to the path.
Result<ModelSource> parse_model(std::string_view text);

// One of those settings; kInvalidArgument says what it may be.
Status apply_model_setting(ModelSource& model, std::string_view key, std::string_view value);

// The same settings from a TOML file: the long options' names as keys, and [[model]] tables with
// name, path, precision, version, adapter; paths are relative to the file. Unknown keys are errors.
Result<ServeOptions> read_config(const std::filesystem::path& file);

// Either options to serve with, or the code to exit with (--help, a wrong option: the text is
// printed).
struct ParsedOptions {
  std::optional<ServeOptions> options;
  int exit_code = 0;
};
Result<ParsedOptions> parse_options(int argc, const char* const* argv);

}  // namespace onecopy::host
