// JSON from outside, parsed within limits. The one place that configures the JSON library.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string_view>

#include "shared/base/limits.h"
#include "shared/base/status.h"

namespace onecopy {

using Json = nlohmann::json;

// kInvalidArgument: malformed, invalid UTF-8, deeper than max_depth, a duplicate key, or a number
// out of range; the text says which, with the position.
Result<Json> parse_json(std::string_view text, std::size_t max_depth = limits::kJsonDepth);

// A whole JSON file of at most limits::kJsonFileBytes. Errors name the file.
Result<Json> read_json_file(const std::filesystem::path& path);

}  // namespace onecopy
