// Texts that are too large for a message, as anonymous files handed over by descriptor.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "shared/base/status.h"
#include "shared/base/unique_fd.h"

namespace onecopy {

// An anonymous file with these bytes that nobody can change or resize any more; closes on exec.
Result<UniqueFd> make_memory_file(const char* label, std::string_view bytes);

// All bytes of such a file. kCorrupt: it can still be changed, or has more than `most` bytes.
Result<std::string> read_memory_file(int fd, std::size_t most);

}  // namespace onecopy
