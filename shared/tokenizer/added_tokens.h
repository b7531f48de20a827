// Finds the added tokens ([CLS], <mask>, ...) in a text, which no model may split.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "shared/tokenizer/trie.h"

namespace onecopy {

// A part of a text, in bytes; `token` is null where it is no added token. Parts are never empty.
struct TextPart {
  std::size_t begin = 0;
  std::size_t end = 0;
  const image::AddedToken* token = nullptr;
};

// Cuts `text` at the tokens of `trie`, whose values index `tokens`: the leftmost token first, of
// several there the longest. `parts` is overwritten. Linear in the text, times the length of the
// longest token at worst.
void split_at_added_tokens(std::string_view text, const Trie& trie,
                           std::span<const image::AddedToken> tokens, std::vector<TextPart>& parts);

}  // namespace onecopy
