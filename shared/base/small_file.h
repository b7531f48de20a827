// Whole files: those that people write (configurations, tokenizers, vocabularies), and the
// kernel's.
#pragma once

#include <filesystem>
#include <string>

#include "shared/base/status.h"

namespace onecopy {

// The bytes of a regular file of at most limits::kJsonFileBytes; anything else that has a name (a
// folder, a pipe, a device) is refused without waiting for it. Errors name the file; kNotFound:
// there is none; kInvalidArgument: what was named cannot be read by us; kTooLarge.
Result<std::string> read_small_file(const std::filesystem::path& path);

// The text of a file of /proc or /sys, which has no size before it is read. "" when there is none;
// what was read so far when it goes away meanwhile, as /proc/PID does with its process.
std::string read_kernel_file(const std::filesystem::path& path);

// Whether there is anything of that name; false too where we may not look.
bool is_there(const std::filesystem::path& path);

}  // namespace onecopy
