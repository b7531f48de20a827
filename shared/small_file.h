// Whole files that people write: configurations, tokenizers, vocabularies.
#pragma once

#include <filesystem>
#include <string>

#include "shared/status.h"

namespace onecopy {

// The bytes of a regular file of at most limits::kJsonFileBytes; anything else that has a name (a
// folder, a pipe, a device) is refused without waiting for it. Errors name the file; kNotFound:
// there is none; kInvalidArgument: what was named cannot be read by us; kTooLarge.
Result<std::string> read_small_file(const std::filesystem::path& path);

}  // namespace onecopy
