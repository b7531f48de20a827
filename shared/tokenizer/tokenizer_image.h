// The flat bytes that a compiled tokenizer consists of. Written by build/compile_image.cpp, read by
// tokenizer.cpp.
//
//   Header | nodes of the three tries | added tokens | byte ids | merges | edges | templates
//
// Every section begins on a multiple of 8 bytes and is named by its offset and count in the header.
// Nothing points anywhere but by offset, so the image can be mapped at any address. Numbers are in
// the machine's own order: an image never leaves the machine that compiled it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace onecopy::image {

inline constexpr char kMagic[8] = {'o', 'n', 'e', 't', 'o', 'k', '0', '1'};
inline constexpr std::uint32_t kNone = 0xFFFFFFFF;  // no node, no id
inline constexpr std::size_t kAlignment = 8;

enum class Model : std::uint32_t { kWordPiece = 1, kByteBpe = 2 };
enum class PreTokenizer : std::uint32_t { kNone = 0, kBert = 1, kByteLevel = 2 };

// Bits of Header::flags. The first five are BertNormalizer's settings.
inline constexpr std::uint32_t kNormalizes = 1;  // there is a BertNormalizer
inline constexpr std::uint32_t kCleans = 2;
inline constexpr std::uint32_t kSpacesChinese = 4;
inline constexpr std::uint32_t kStripsAccents = 8;
inline constexpr std::uint32_t kLowerCases = 16;
inline constexpr std::uint32_t kAddsPrefixSpace = 32;  // ByteLevel's add_prefix_space
inline constexpr std::uint32_t kSplitsByPattern = 64;  // ByteLevel's use_regex
inline constexpr std::uint32_t kFusesUnknown = 128;    // BPE's fuse_unk
inline constexpr std::uint32_t kIgnoresMerges =
    256;  // BPE's ignore_merges: the vocabulary trie holds whole words
inline constexpr std::uint32_t kTrimsOffsets = 512;       // the post-processor's trim_offsets ...
inline constexpr std::uint32_t kKeepsPrefixSpace = 1024;  // ... and its add_prefix_space

// One node of a double-array trie: the child by byte b lies at base + b, if that node's parent is
// this one.
struct TrieNode {
  std::uint32_t base;
  std::uint32_t parent;  // kNone where the node isn't used
  std::uint32_t value;   // what the key that ends here means, or kNone
};

// Bits of AddedToken::flags.
inline constexpr std::uint32_t kSingleWord = 1;  // only where no word character touches it
inline constexpr std::uint32_t kLeftStrip = 2;   // takes the white space before it
inline constexpr std::uint32_t kRightStrip = 4;  // and after it
inline constexpr std::uint32_t kIgnored = 8;     // found, but not taken (split_special_tokens)

// A value of the two added-token tries is an index into these.
struct AddedToken {
  std::uint32_t id;
  std::uint32_t flags;
};

// Slot of the merges table, an open-addressing hash table of 2^n slots.
struct Merge {
  std::uint32_t left, right;  // ids that merge; left is kNone in an empty slot
  std::uint32_t rank;         // lower merges first
  std::uint32_t merged;       // id of the two together
};

// How many blanks a token's text begins and ends with, for trim_offsets; one for each id.
struct Edges {
  std::uint16_t leading, trailing;
};

enum class Piece : std::uint32_t { kText = 0, kPair = 1, kSpecial = 2 };

// A step of the template.
struct TemplatePiece {
  Piece kind;
  std::uint32_t id;  // of a special token
  std::uint32_t type_id;
};

struct Section {
  std::uint64_t offset;  // in bytes from the start of the image
  std::uint64_t count;   // of elements
};

struct Header {
  char magic[8];
  std::uint64_t image_bytes;
  std::uint32_t header_bytes;  // sizeof(Header), so that another layout is noticed
  std::uint32_t flags;
  Model model;
  PreTokenizer pre_tokenizer;
  std::uint32_t unknown_id;         // kNone: unknown bytes are left out (BPE only)
  std::uint32_t max_word_chars;     // WordPiece: longer words are unknown
  std::uint32_t continuation_node;  // WordPiece: where "##" leads in the vocabulary trie, or kNone
  std::uint32_t max_probes;         // slots that a search in the merges table may look at
  std::uint32_t vocab_size;         // largest id + 1
  std::uint32_t cls_id, sep_id, pad_id;
  Section vocabulary;         // TrieNode: token -> id
  Section raw_tokens;         // TrieNode: added tokens found in the text as it is -> added_tokens
  Section normalized_tokens;  // TrieNode: those found in the normalized text -> added_tokens
  Section added_tokens;       // AddedToken
  Section byte_ids;  // uint32: id of each byte (BPE: 256), kNone where the vocabulary lacks it
  Section merges;    // Merge
  Section edges;     // Edges: vocab_size of them with kTrimsOffsets, else none
  Section single_template;  // TemplatePiece
  Section pair_template;    // TemplatePiece
};
static_assert(std::is_trivially_copyable_v<Header> && sizeof(Header) == 64 + 9 * sizeof(Section));

// Where the search for a pair of ids begins in a merges table of 2^n slots (mask = 2^n - 1).
constexpr std::size_t merge_slot(std::uint32_t left, std::uint32_t right, std::size_t mask) {
  std::uint64_t h = (std::uint64_t{left} << 32 | right) * 0x9E3779B97F4A7C15u;
  h = (h ^ h >> 29) * 0xBF58476D1CE4E5B9u;
  return static_cast<std::size_t>(h ^ h >> 32) & mask;
}

}  // namespace onecopy::image
