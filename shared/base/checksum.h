// The checksum of everything in a segment: XXH3, 64 bits. It finds damage, not forgery.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace onecopy {

std::uint64_t checksum(std::span<const std::byte> bytes);

}  // namespace onecopy
