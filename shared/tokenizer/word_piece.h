// WordPiece: the longest vocabulary entries from left to right, or the unknown token for the whole
// word.
#pragma once

#include "shared/tokenizer/aligned_text.h"
#include "shared/tokenizer/token_writer.h"

namespace onecopy {

// Writes the tokens of `word`, which isn't empty. Steps: bytes of the word times the length of the
// longest vocabulary entry at worst.
void encode_word_piece(const TokenizerTables& tables, const AlignedView& word, TokenWriter& out);

}  // namespace onecopy
