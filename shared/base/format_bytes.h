// Sizes as people read them.
#pragma once

#include <cstdint>
#include <string>

namespace onecopy {

// "512 B", "12.3 kB", "438.0 MB", "1.34 GB": powers of 1000, as disks and networks count.
std::string format_bytes(std::uint64_t bytes);

}  // namespace onecopy
