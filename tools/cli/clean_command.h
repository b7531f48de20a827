// onecopy clean
#pragma once

namespace onecopy::tools {

// Removes the segments and lock files of instances whose host is dead, and says which. Returns the
// exit code.
int run_clean();

}  // namespace onecopy::tools
