#include <algorithm>

#include "shared/tokenizer/unicode_tables.h"

namespace onecopy::unicode {

namespace {

constexpr char32_t kHangulFirst = 0xAC00;
constexpr char32_t kHangulLast = 0xD7A3;

// The arithmetic of Unicode's section 3.12: a syllable is a leading consonant, a vowel and maybe a
// trailing one.
Decomposition decompose_hangul(char32_t c) {
  constexpr char32_t kLeading = 0x1100, kVowel = 0x1161, kTrailing = 0x11A7;
  constexpr char32_t kVowels = 21, kTrailings = 28;
  const char32_t index = c - kHangulFirst;
  const char32_t trailing = index % kTrailings;
  return {{kLeading + index / (kVowels * kTrailings),
           kVowel + index % (kVowels * kTrailings) / kTrailings, kTrailing + trailing},
          trailing == 0 ? 2u : 3u};
}

}  // namespace

const CharKind& kind_beyond_ascii(char32_t c) {
  if (c > 0x10FFFF) c = 0x10FFFF;
  const std::size_t block = c >> 8;
  const std::uint32_t* first = kTables.ranges.data() + kTables.blocks[block];
  const std::uint32_t* last = kTables.ranges.data() + kTables.blocks[block + 1] + 1;
  // The last range that begins at or before c: most blocks lie in one or two.
  const std::uint32_t* range = std::upper_bound(first, last, c << 8 | 0xFF) - 1;
  return kTables.kinds[*range & 0xFF];
}

Lowered lower_case(char32_t c) {
  if (c == 0x130) return {{U'i', 0x307}, 2};
  const auto after =
      std::upper_bound(kTables.lower.begin(), kTables.lower.end(), c,
                       [](char32_t code, const LowerRange& range) { return code < range.first; });
  if (after == kTables.lower.begin()) return {{c, 0}, 1};
  const LowerRange& range = *(after - 1);
  if (c > range.last || (c - range.first) % range.step != 0) return {{c, 0}, 1};
  return {{static_cast<char32_t>(static_cast<std::int32_t>(c) + range.difference), 0}, 1};
}

Decomposition decompose(char32_t c) {
  if (c >= kHangulFirst && c <= kHangulLast) return decompose_hangul(c);
  const auto found =
      std::lower_bound(kTables.decomposed.begin(), kTables.decomposed.end(), c,
                       [](const Decomposed& entry, char32_t code) { return entry.code < code; });
  if (found == kTables.decomposed.end() || found->code != c) return {{c}, 1};
  Decomposition result{{}, (found + 1)->start - std::size_t{found->start}};
  std::copy_n(kTables.decomposed_chars.begin() + found->start, result.count, result.chars);
  return result;
}

}  // namespace onecopy::unicode
