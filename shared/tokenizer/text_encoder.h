// The way of one text through the tokenizer:
//   added tokens -> normalizer -> added tokens of the normalized text -> pre-tokenizer -> model
#pragma once

#include <string_view>
#include <vector>

#include "shared/tokenizer/added_tokens.h"
#include "shared/tokenizer/aligned_text.h"
#include "shared/tokenizer/byte_bpe.h"
#include "shared/tokenizer/normalizer.h"
#include "shared/tokenizer/pre_tokenizer.h"
#include "shared/tokenizer/token_writer.h"

namespace onecopy {

// Lives for one text. Borrows the tables and the Encoding.
class TextEncoder {
 public:
  TextEncoder(const TokenizerTables& tables, Encoding& out)
      : tables_(tables), out_(tables, out), normalizer_(tables.header.flags), bpe_(tables) {}

  void encode(std::string_view text);  // UTF-8

 private:
  void encode_piece(std::string_view piece, std::uint32_t position);
  void encode_normalized(AlignedView piece);
  void encode_words(const AlignedView& piece);
  AlignedView with_prefix_space(const AlignedView& piece);

  const TokenizerTables& tables_;
  TokenWriter out_;
  Normalizer normalizer_;
  ByteBpe bpe_;
  std::vector<TextPart> parts_, normalized_parts_;
  std::vector<Word> words_;
  AlignedText normalized_, prefixed_;
};

}  // namespace onecopy
