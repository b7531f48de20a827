// Text to token ids, exactly as Hugging Face's fast tokenizers, on flat tables that lie in shared memory.
//
// The host compiles a model folder's tokenizer files into one image (tokenizer_image.h, build_tokenizer.h);
// every worker uses that image in place. Time is linear in the input.
//
// Class Tokenizer: borrows the image, owns nothing large. Const methods are thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "shared/status.h"

namespace onecopy {

// [start, end) in Unicode code points of the text that the token is from.
struct Offset {
  std::uint32_t start = 0;
  std::uint32_t end = 0;
  bool operator==(const Offset&) const = default;
};

inline constexpr std::int32_t kNoWord = -1;
inline constexpr std::uint8_t kSpecialSequence = 255;

// The tokens of one text, without the template's special tokens. The three lists have the same length.
struct Encoding {
  std::vector<std::int32_t> ids;
  std::vector<Offset> offsets;
  std::vector<std::int32_t> words;  // index of the token's word in its text, kNoWord where it has none
  std::size_t size() const { return ids.size(); }
};

// A part of an Encoding, as windows and truncation need it. Borrows.
struct EncodingView {
  std::span<const std::int32_t> ids;
  std::span<const Offset> offsets;
  std::span<const std::int32_t> words;
  EncodingView() = default;
  EncodingView(const Encoding& e) : ids(e.ids), offsets(e.offsets), words(e.words) {}  // NOLINT
  EncodingView subview(std::size_t start, std::size_t count) const;
  std::size_t size() const { return ids.size(); }
};

// Model input: one or two texts with the template's special tokens around them. Lists of equal length.
struct Tokens {
  std::vector<std::int32_t> ids;
  std::vector<std::int32_t> type_ids;
  std::vector<Offset> offsets;           // (0, 0) for the template's tokens
  std::vector<std::int32_t> words;       // kNoWord for the template's tokens
  std::vector<std::uint8_t> sequences;   // 0 text, 1 pair, kSpecialSequence for the template's tokens
  std::size_t size() const { return ids.size(); }
};

enum class Truncation { kLongestFirst, kOnlyFirst, kOnlySecond };

class Tokenizer {
 public:
  // Checks the whole structure of the image (bounds, ids, offsets); kCorrupt says what is wrong.
  // The image must outlive the tokenizer.
  static Result<Tokenizer> from_image(std::span<const std::byte> image);

  // Tokenizes `text` (UTF-8; invalid UTF-8 is kInvalidArgument). Special tokens typed in the text are
  // recognized. `out` is overwritten; its capacity is reused.
  Status encode(std::string_view text, Encoding& out) const;

  // Special tokens that the template adds around one text or a pair.
  std::size_t special_count(bool pair) const;

  // Puts the template around the texts: [CLS] a [SEP] b [SEP], <s> a </s></s> b </s>. `out` is overwritten.
  void assemble(const EncodingView& a, const EncodingView* b, Tokens& out) const;

  // Ids that the heads need; the tokenizer always has them.
  std::int32_t cls_id() const;
  std::int32_t sep_id() const;
  std::int32_t pad_id() const;
  std::uint32_t vocab_size() const;  // largest id + 1

 private:
  struct Tables;  // views into the image
  // (the implementation adds its members here)
};

// Cuts a and b (may be null) so that with `specials` they are at most max_tokens long, as transformers does.
// kInvalidArgument when that cannot be done.
Status truncate(EncodingView& a, EncodingView* b, std::size_t specials, std::size_t max_tokens,
                Truncation strategy);

}  // namespace onecopy
