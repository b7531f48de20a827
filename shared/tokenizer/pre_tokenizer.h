// Cuts normalized text into the words that a model tokenizes one by one.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace onecopy {

// [begin, end) in bytes; never empty.
struct Word {
  std::size_t begin;
  std::size_t end;
};

// BertPreTokenizer: words lie between white space, each punctuation character is one. `words` is
// overwritten.
void split_bert_words(std::string_view text, std::vector<Word>& words);

// ByteLevel's pattern, that of GPT-2:
//   's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
// `words` is overwritten; together they are the whole text.
void split_byte_level_words(std::string_view text, std::vector<Word>& words);

}  // namespace onecopy
