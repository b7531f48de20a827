// What the Hugging Face tokenizers package knows of each code point: generated tables and lookups
// in them.
//
// Constant data of the program, shared by all processes that run it. tools/dev/make_unicode_tables.py
// writes the tables from what the package itself does, since it mixes several versions of Unicode.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace onecopy::unicode {

// Bits of CharKind::flags.
inline constexpr std::uint16_t kDropped = 1;       // removed by BertNormalizer's clean_text
inline constexpr std::uint16_t kSpace = 2;         // White_Space
inline constexpr std::uint16_t kMark = 4;          // nonspacing mark that strip_accents removes
inline constexpr std::uint16_t kPunctuation = 8;   // split off by BertPreTokenizer
inline constexpr std::uint16_t kLetter = 16;       // \p{L} of ByteLevel's pattern
inline constexpr std::uint16_t kNumber = 32;       // \p{N} of ByteLevel's pattern
inline constexpr std::uint16_t kWord = 64;         // \w, for added tokens with single_word
inline constexpr std::uint16_t kLowers = 128;      // has another lower case
inline constexpr std::uint16_t kDecomposes = 256;  // has a canonical decomposition

struct CharKind {
  std::uint16_t flags;
  std::uint8_t combining_class;  // canonical combining class; 0 for starters
};

struct LowerRange {
  char32_t first, last, step;  // every step-th code point from first to last ...
  std::int32_t difference;     // ... has its lower case this far away
};

struct Decomposed {
  char32_t code;
  std::uint16_t
      start;  // of its characters in kDecomposedChars; they end where the next one's start
};

// Which range each block of 256 code points begins in.
inline constexpr std::size_t kBlocks = 0x1100;
template <std::size_t n>
constexpr std::array<std::uint16_t, kBlocks + 1> index_blocks(const std::uint32_t (&ranges)[n]) {
  std::array<std::uint16_t, kBlocks + 1> index{};
  std::size_t range = 0;
  for (std::size_t block = 0; block < kBlocks; ++block) {
    while (range + 1 < n && (ranges[range + 1] >> 8) <= block * 256) ++range;
    index[block] = static_cast<std::uint16_t>(range);
  }
  index[kBlocks] = n - 1;
  return index;
}

// The kinds of the code points below 128, which most texts consist of.
template <std::size_t n, std::size_t m>
constexpr std::array<CharKind, 128> ascii_kinds(const std::uint32_t (&ranges)[n],
                                                const CharKind (&kinds)[m]) {
  std::array<CharKind, 128> ascii{};
  std::size_t range = 0;
  for (std::uint32_t c = 0; c < 128; ++c) {
    while (range + 1 < n && (ranges[range + 1] >> 8) <= c) ++range;
    ascii[c] = kinds[ranges[range] & 0xFF];
  }
  return ascii;
}

struct Tables {
  std::span<const CharKind> kinds;
  std::span<const std::uint32_t> ranges;  // first code point << 8 | index into kinds
  std::span<const std::uint16_t> blocks;  // index_blocks(ranges)
  std::span<const LowerRange> lower;
  std::span<const Decomposed> decomposed;  // sorted by code, closed by an entry for 0x110000
  std::span<const char32_t> decomposed_chars;
  std::array<CharKind, 128> ascii;  // ascii_kinds(ranges, kinds)
};
extern const Tables kTables;

// The kind of a code point; anything above U+10FFFF counts as unassigned.
const CharKind& kind_beyond_ascii(char32_t c);
inline const CharKind& kind_of(char32_t c) {
  return c < 128 ? kTables.ascii[c] : kind_beyond_ascii(c);
}

// Lower case of a code point that has kLowers: one character, but "i" and U+0307 for U+0130.
struct Lowered {
  char32_t chars[2];
  std::size_t count;
};
Lowered lower_case(char32_t c);

// Full canonical decomposition of a code point that has kDecomposes; at most 4 characters.
struct Decomposition {
  char32_t chars[4];
  std::size_t count;
};
Decomposition decompose(char32_t c);

// The blocks that BertNormalizer puts blanks around.
constexpr bool is_chinese(char32_t c) {
  return (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF) ||
         (c >= 0x20000 && c <= 0x2A6DF) || (c >= 0x2A700 && c <= 0x2B73F) ||
         (c >= 0x2B740 && c <= 0x2B81F) || (c >= 0x2B920 && c <= 0x2CEAF) ||
         (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x2F800 && c <= 0x2FA1F);
}

}  // namespace onecopy::unicode
