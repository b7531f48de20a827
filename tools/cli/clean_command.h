// onecopy clean
#pragma once

namespace onecopy::tools {

// Removes the segments of instances of which no host, gateway or nursery lives, and says which.
// Returns the exit code.
int run_clean();

}  // namespace onecopy::tools
