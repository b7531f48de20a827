// Starts one of onecopy's other programs.
#pragma once

#include <sys/types.h>

#include <span>
#include <string>
#include <vector>

#include "shared/base/status.h"

namespace onecopy::host {

// Runs the program of this name from the folder of our own, with `arguments` after its name. It
// inherits the descriptors in `inherited` and no other (all of ours close on exec), and default
// signal handling.
Result<pid_t> start_program(const std::string& name, const std::vector<std::string>& arguments,
                            std::span<const int> inherited);

}  // namespace onecopy::host
