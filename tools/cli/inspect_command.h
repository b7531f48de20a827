// `onecopy inspect`: what lies in shared memory, whether it is intact, and which processes share
// it.
#pragma once

#include <optional>
#include <string>

namespace onecopy::tools {

// Prints a table, or JSON for scripts, about all instances or one. Returns the exit code: 1 when a
// segment is damaged or the named instance has none.
int run_inspect(const std::optional<std::string>& instance, bool json);

}  // namespace onecopy::tools
