// onecopy stop, onecopy reload
#pragma once

#include <string>

namespace onecopy::tools {

// Ends the instance and waits until it has ended: its host, or its gateway where the host was
// killed. 0: it has; 1: it could not be reached or did not end in time.
int run_stop(const std::string& instance);

// Has the host read its config file anew, and prints what it did. 0: done; 1: nobody is there; 2:
// the file is wrong, nothing was changed.
int run_reload(const std::string& instance);

}  // namespace onecopy::tools
