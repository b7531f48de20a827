#include "shared/tokenizer/added_tokens.h"

#include <algorithm>

#include "shared/base/utf8.h"
#include "shared/tokenizer/unicode_tables.h"

namespace onecopy {

namespace {

bool is(char32_t c, std::uint16_t flag) { return (unicode::kind_of(c).flags & flag) != 0; }

bool touches_a_word(std::string_view text, std::size_t begin, std::size_t end) {
  return (begin > 0 && is(utf8::decode_before(text, begin).code, unicode::kWord)) ||
         (end < text.size() && is(utf8::decode(text, end).code, unicode::kWord));
}

std::size_t before_blanks(std::string_view text, std::size_t end, std::size_t limit) {
  while (end > limit) {
    const utf8::Char c = utf8::decode_before(text, end);
    if (!is(c.code, unicode::kSpace)) break;
    end -= c.bytes;
  }
  return std::max(end, limit);
}

std::size_t after_blanks(std::string_view text, std::size_t begin) {
  while (begin < text.size()) {
    const utf8::Char c = utf8::decode(text, begin);
    if (!is(c.code, unicode::kSpace)) break;
    begin += c.bytes;
  }
  return begin;
}

class Splitter {
 public:
  Splitter(std::string_view text, std::vector<TextPart>& parts) : text_(text), parts_(parts) {}

  // A token was found in [begin, end). What lies behind `done_` belongs to tokens found before.
  void take(const image::AddedToken& token, std::size_t begin, std::size_t end) {
    if ((token.flags & image::kIgnored) != 0) return;
    if ((token.flags & image::kSingleWord) != 0 && touches_a_word(text_, begin, end)) return;
    if ((token.flags & image::kLeftStrip) != 0)
      begin = before_blanks(text_, std::max(begin, done_), done_);
    if ((token.flags & image::kRightStrip) != 0) end = end_of_blanks(end);
    if (done_ < begin) parts_.push_back({done_, begin, nullptr});
    if (begin < end) parts_.push_back({begin, end, &token});
    done_ = end;
  }
  void finish() {
    if (done_ < text_.size()) parts_.push_back({done_, text_.size(), nullptr});
  }

 private:
  // Remembers the last run, so that tokens that are themselves blanks don't walk it again and
  // again.
  std::size_t end_of_blanks(std::size_t begin) {
    if (begin < run_begin_ || begin > run_end_) {
      run_begin_ = begin;
      run_end_ = after_blanks(text_, begin);
    }
    return run_end_;
  }

  std::string_view text_;
  std::vector<TextPart>& parts_;
  std::size_t done_ = 0;
  std::size_t run_begin_ = 1, run_end_ = 0;
};

}  // namespace

void split_at_added_tokens(std::string_view text, const Trie& trie,
                           std::span<const image::AddedToken> tokens,
                           std::vector<TextPart>& parts) {
  parts.clear();
  Splitter splitter(text, parts);
  for (std::size_t at = 0; at < text.size() && !trie.empty();) {
    const Trie::Match match = trie.longest(text.substr(at));
    if (match.value >= tokens.size()) {
      ++at;
      continue;
    }
    splitter.take(tokens[match.value], at, at + match.bytes);
    at += match.bytes;
  }
  splitter.finish();
}

}  // namespace onecopy
