#include "shared/tokenizer/pre_tokenizer.h"

#include "shared/base/utf8.h"
#include "shared/tokenizer/unicode_tables.h"

namespace onecopy {

namespace {

constexpr std::uint16_t kClasses = unicode::kLetter | unicode::kNumber | unicode::kSpace;

// \p{L}, \p{N}, \s or 0 for the rest: the four classes that the pattern tells apart.
std::uint16_t class_of(char32_t c) { return unicode::kind_of(c).flags & kClasses; }

std::size_t end_of_run(std::string_view text, std::size_t at, std::uint16_t of) {
  while (at < text.size()) {
    const utf8::Char c = utf8::decode(text, at);
    if (class_of(c.code) != of) break;
    at += c.bytes;
  }
  return at;
}

std::size_t end_of_contraction(std::string_view text, std::size_t at) {
  for (const std::string_view ending : {"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"}) {
    if (text.substr(at, ending.size()) == ending) return at + ending.size();
  }
  return at;
}

// \s+(?!\S) or else \s+: leaves the last blank to the word that follows, unless it is the only one.
std::size_t end_of_blanks(std::string_view text, std::size_t at) {
  const std::size_t end = end_of_run(text, at, unicode::kSpace);
  if (end == text.size()) return end;
  const std::size_t last = end - utf8::decode_before(text, end).bytes;
  return last > at ? last : end;
}

std::size_t end_of_word(std::string_view text, std::size_t at) {
  if (text[at] == '\'') {
    const std::size_t end = end_of_contraction(text, at);
    if (end > at) return end;
  }
  const std::size_t first = text[at] == ' ' && at + 1 < text.size() ? at + 1 : at;
  const std::uint16_t of = class_of(utf8::decode(text, first).code);
  return of == unicode::kSpace ? end_of_blanks(text, at) : end_of_run(text, first, of);
}

}  // namespace

void split_byte_level_words(std::string_view text, std::vector<Word>& words) {
  words.clear();
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = end_of_word(text, at);
    words.push_back({at, end});
    at = end;
  }
}

void split_bert_words(std::string_view text, std::vector<Word>& words) {
  words.clear();
  std::size_t begin = 0;
  const auto close = [&](std::size_t end) {
    if (begin < end) words.push_back({begin, end});
  };
  for (std::size_t at = 0; at < text.size();) {
    const utf8::Char c = utf8::decode(text, at);
    const std::uint16_t kind = unicode::kind_of(c.code).flags;
    if ((kind & (unicode::kSpace | unicode::kPunctuation)) != 0) {
      close(at);
      if ((kind & unicode::kPunctuation) != 0) words.push_back({at, at + c.bytes});
      begin = at + c.bytes;
    }
    at += c.bytes;
  }
  close(text.size());
}

}  // namespace onecopy
