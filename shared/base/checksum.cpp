#include "shared/base/checksum.h"

#include <xxhash.h>

namespace onecopy {

Hash128 content_hash(std::span<const std::byte> bytes) {
  const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
  return {hash.high64, hash.low64};
}

}  // namespace onecopy
