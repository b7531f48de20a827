// BPE's merges as the hash table of the image.
#pragma once

#include <cstdint>
#include <vector>

#include "host/publish/tokenizer/tokenizer_spec.h"

namespace onecopy {

struct MergesTable {
  std::vector<image::Merge> slots;  // a power of two of them
  std::uint32_t max_probes = 0;
};

// kInvalidArgument where a merge names a token that isn't in the vocabulary. Of equal merges the
// last counts.
Result<MergesTable> build_merges(const ModelSpec& model);

}  // namespace onecopy
