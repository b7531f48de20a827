#include "shared/tokenizer/word_piece.h"

#include <utility>

#include "shared/base/utf8.h"

namespace onecopy {

namespace {

bool is_too_long(std::string_view word, std::uint32_t max_chars) {
  if (word.size() <= max_chars) return false;
  return std::cmp_greater(utf8::count(word), max_chars);
}

bool encode_known(const TokenizerTables& tables, const AlignedView& word, TokenWriter& out) {
  std::uint32_t node = 0;
  for (std::size_t at = 0; at < word.size(); node = tables.header.continuation_node) {
    if (node == image::kNone) return false;
    const Trie::Match match = tables.vocabulary.longest(word.bytes.substr(at), node);
    if (match.value == image::kNone) return false;
    out.token(match.value, word.source(at, at + match.bytes));
    at += match.bytes;
  }
  return true;
}

}  // namespace

void encode_word_piece(const TokenizerTables& tables, const AlignedView& word, TokenWriter& out) {
  const std::size_t before = out.size();
  if (!is_too_long(word.bytes, tables.header.max_word_chars) && encode_known(tables, word, out))
    return;
  out.forget_after(before);
  out.token(tables.header.unknown_id, word.source(0, word.size()));
}

}  // namespace onecopy
