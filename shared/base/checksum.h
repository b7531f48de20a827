// The hash of everything in a segment: XXH3, 128 bits. Equal content is found by it, and damage; it
// is no proof against forgery.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <span>

namespace onecopy {

struct Hash128 {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  auto operator<=>(const Hash128&) const = default;
};

Hash128 content_hash(std::span<const std::byte> bytes);

}  // namespace onecopy
