#include "shared/tokenizer/normalizer.h"

#include <algorithm>

#include "shared/base/utf8.h"
#include "shared/tokenizer/tokenizer_image.h"
#include "shared/tokenizer/unicode_tables.h"

namespace onecopy {

void AlignedText::append(char32_t c, Offset source) {
  utf8::append(bytes, c);
  sources.resize(bytes.size(), source);
}

void Normalizer::normalize(std::string_view text, std::uint32_t position, AlignedText& out) {
  out.bytes.reserve(out.bytes.size() + text.size());
  out.sources.reserve(out.sources.size() + text.size());
  for (std::size_t at = 0; at < text.size(); ++position) {
    const utf8::Char c = utf8::decode(text, at);
    const Offset source{position, position + 1};
    if ((flags_ & image::kNormalizes) == 0) {
      out.bytes.append(text, at, c.bytes);
      out.sources.insert(out.sources.end(), c.bytes, source);
    } else if (c.code < 128 && marks_.empty()) {
      ascii(c.code, source, out);
    } else {
      clean(c.code, source, out);
    }
    at += c.bytes;
  }
  reorder_marks(out);
}

// What clean() and all that follows come to, where no marks wait.
void Normalizer::ascii(char32_t c, Offset source, AlignedText& out) {
  const std::uint16_t kind = unicode::kind_of(c).flags;
  if ((flags_ & image::kCleans) != 0) {
    if ((kind & unicode::kDropped) != 0) return;
    if ((kind & unicode::kSpace) != 0) c = U' ';
  }
  if ((flags_ & image::kLowerCases) != 0 && (kind & unicode::kLowers) != 0) c += U'a' - U'A';
  out.bytes.push_back(static_cast<char>(c));
  out.sources.push_back(source);
  last_source_ = source;
}

void Normalizer::clean(char32_t c, Offset source, AlignedText& out) {
  if ((flags_ & image::kCleans) != 0) {
    const std::uint16_t kind = unicode::kind_of(c).flags;
    if ((kind & unicode::kDropped) != 0) return;
    if ((kind & unicode::kSpace) != 0) c = U' ';
  }
  separate(c, source, out);
}

void Normalizer::separate(char32_t c, Offset source, AlignedText& out) {
  if ((flags_ & image::kSpacesChinese) == 0 || !unicode::is_chinese(c))
    return decompose(c, source, out);
  decompose(U' ', source, out);
  decompose(c, source, out);
  decompose(U' ', source, out);
}

void Normalizer::decompose(char32_t c, Offset source, AlignedText& out) {
  if ((flags_ & image::kStripsAccents) == 0) return lower(c, source, out);
  if ((unicode::kind_of(c).flags & unicode::kDecomposes) == 0) return push(c, true, source, out);
  const unicode::Decomposition parts = unicode::decompose(c);
  for (std::size_t i = 0; i < parts.count; ++i) push(parts.chars[i], i == 0, source, out);
}

// Starters go out at once. Marks wait for the next starter, then go out in canonical order; but
// their sources are handed out in the order of the text, as the transformation in Hugging Face's
// NormalizedString does.
void Normalizer::push(char32_t c, bool first, Offset source, AlignedText& out) {
  const std::uint8_t combining_class = unicode::kind_of(c).combining_class;
  if (combining_class != 0) {
    marks_.push_back({c, combining_class, first});
    if (first) sources_.push_back(source);
    return;
  }
  reorder_marks(out);
  if (first) last_source_ = source;
  if ((unicode::kind_of(c).flags & unicode::kMark) == 0) lower(c, last_source_, out);
}

void Normalizer::reorder_marks(AlignedText& out) {
  if (marks_.empty()) return;
  const auto before = [](const Mark& a, const Mark& b) {
    return a.combining_class < b.combining_class;
  };
  if (!std::is_sorted(marks_.begin(), marks_.end(), before))
    std::stable_sort(marks_.begin(), marks_.end(), before);
  std::size_t taken = 0;
  for (const Mark& mark : marks_) {
    if (mark.first && taken < sources_.size()) last_source_ = sources_[taken++];
    if ((unicode::kind_of(mark.code).flags & unicode::kMark) == 0)
      lower(mark.code, last_source_, out);
  }
  marks_.clear();
  sources_.clear();
}

void Normalizer::lower(char32_t c, Offset source, AlignedText& out) {
  if ((flags_ & image::kLowerCases) == 0 || (unicode::kind_of(c).flags & unicode::kLowers) == 0) {
    return out.append(c, source);
  }
  const unicode::Lowered lowered = unicode::lower_case(c);
  for (std::size_t i = 0; i < lowered.count; ++i) out.append(lowered.chars[i], source);
}

}  // namespace onecopy
