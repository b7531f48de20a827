// Lays a set of keys out as the double array that Trie walks.
#pragma once

#include <string_view>
#include <utility>
#include <vector>

#include "shared/base/status.h"
#include "shared/tokenizer/tokenizer_image.h"

namespace onecopy {

// Of equal keys the first counts. At least one node, the root. kTooLarge when the keys are more
// than limits::kTrieBytes together.
Result<std::vector<image::TrieNode>> build_trie(
    std::vector<std::pair<std::string_view, std::uint32_t>> keys);

}  // namespace onecopy
