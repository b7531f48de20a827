#include "shared/tokenizer/text_encoder.h"

#include "shared/base/utf8.h"
#include "shared/tokenizer/word_piece.h"

namespace onecopy {

namespace {

// Turns byte positions into code point positions; cheap where they mostly grow.
class Position {
 public:
  explicit Position(std::string_view text) : text_(text) {}
  std::uint32_t at(std::size_t byte) {
    for (; byte_ < byte; ++byte_) count_ += is_first(byte_);
    for (; byte_ > byte; --byte_) count_ -= is_first(byte_ - 1);
    return count_;
  }

 private:
  std::uint32_t is_first(std::size_t byte) const { return utf8::is_first(text_[byte]) ? 1 : 0; }
  std::string_view text_;
  std::size_t byte_ = 0;
  std::uint32_t count_ = 0;
};

}  // namespace

void TextEncoder::encode(std::string_view text) {
  split_at_added_tokens(text, tables_.raw_tokens, tables_.added_tokens, parts_);
  Position begin(text), end(text);
  for (const TextPart& part : parts_) {
    const std::string_view piece = text.substr(part.begin, part.end - part.begin);
    if (part.token == nullptr) {
      encode_piece(piece, begin.at(part.begin));
    } else {
      out_.next_word();
      out_.added_token(part.token->id, {begin.at(part.begin), end.at(part.end)}, piece);
    }
  }
}

void TextEncoder::encode_piece(std::string_view piece, std::uint32_t position) {
  normalized_.clear();
  normalizer_.normalize(piece, position, normalized_);
  const AlignedView all = normalized_.view();
  split_at_added_tokens(all.bytes, tables_.normalized_tokens, tables_.added_tokens,
                        normalized_parts_);
  for (const TextPart& part : normalized_parts_) {
    if (part.token == nullptr) {
      encode_normalized(all.part(part.begin, part.end));
    } else {
      out_.next_word();
      out_.added_token(part.token->id, all.source(part.begin, part.end),
                       all.part(part.begin, part.end).bytes);
    }
  }
}

void TextEncoder::encode_normalized(AlignedView piece) {
  switch (tables_.header.pre_tokenizer) {
    case image::PreTokenizer::kNone:
      words_.assign(1, {0, piece.size()});
      break;
    case image::PreTokenizer::kBert:
      split_bert_words(piece.bytes, words_);
      break;
    case image::PreTokenizer::kByteLevel:
      if (tables_.has(image::kAddsPrefixSpace) && piece.bytes.front() != ' ')
        piece = with_prefix_space(piece);
      if (tables_.has(image::kSplitsByPattern)) {
        split_byte_level_words(piece.bytes, words_);
      } else {
        words_.assign(1, {0, piece.size()});
      }
      break;
  }
  encode_words(piece);
}

// The blank stands for the same code point as the character after it.
AlignedView TextEncoder::with_prefix_space(const AlignedView& piece) {
  prefixed_.bytes.assign(1, ' ').append(piece.bytes);
  prefixed_.sources.assign(1, piece.sources.front());
  prefixed_.sources.insert(prefixed_.sources.end(), piece.sources.begin(), piece.sources.end());
  return prefixed_.view();
}

void TextEncoder::encode_words(const AlignedView& piece) {
  for (const Word& word : words_) {
    out_.next_word();
    const AlignedView text = piece.part(word.begin, word.end);
    if (tables_.header.model == image::Model::kWordPiece) {
      encode_word_piece(tables_, text, out_);
    } else {
      bpe_.encode(text, out_);
    }
  }
}

}  // namespace onecopy
