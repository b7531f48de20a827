// The one clock of all processes: monotonic, so that a changed wall clock hastens no deadline.
#pragma once

#include <chrono>

namespace onecopy {

using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::milliseconds;

}  // namespace onecopy
