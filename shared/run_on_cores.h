// Work that all cores share while a process starts: packing, checksums, huge pages.
#pragma once

#include <cstddef>
#include <functional>

namespace onecopy {

// Calls work() at the same time on this thread and on others, at most `most` in all and at most one
// for each core that the process may use, and returns when every call has. Where the system has no
// thread left, fewer call it: work() must take what is to be done from a counter, until nothing is.
// work() must not throw.
void run_on_cores(std::size_t most, const std::function<void()>& work);

}  // namespace onecopy
