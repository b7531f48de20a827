// JSON from outside, parsed within limits. The one place that configures the JSON library.
#pragma once

#include <cstddef>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string_view>

#include "shared/base/limits.h"
#include "shared/base/status.h"

namespace onecopy {

using Json = nlohmann::json;

// How much a text may hold, apart from its bytes.
struct JsonBounds {
  std::size_t depth = limits::kJsonDepth;
  std::size_t values = limits::kJsonValues;  // keys not counted
};

// kInvalidArgument: malformed, invalid UTF-8, over a bound, a duplicate key, or a number out of
// range; the text says which, with the position where the text is short. Takes time and memory in
// proportion to the text, whatever its shape: a few milliseconds for a request of the largest size.
Result<Json> parse_json(std::string_view text, const JsonBounds& bounds = {});

// A whole JSON file of at most limits::kJsonFileBytes. Errors name the file.
Result<Json> read_json_file(const std::filesystem::path& path);

}  // namespace onecopy
