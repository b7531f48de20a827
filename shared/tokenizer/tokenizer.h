// Text to token ids, exactly as Hugging Face's fast tokenizers, on flat tables that lie in shared
// memory.
//
// The host compiles a model folder's tokenizer files into one image (tokenizer_image.h,
// build_tokenizer.h); every worker uses that image in place. Time is linear in the input.
//
// Class Tokenizer: borrows the image, owns nothing large. Const methods are thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "shared/base/status.h"

namespace onecopy {

// [start, end) in Unicode code points of the text that the token is from.
struct Offset {
  std::uint32_t start = 0;
  std::uint32_t end = 0;
  bool operator==(const Offset&) const = default;
};

inline constexpr std::int32_t kNoWord = -1;
inline constexpr std::uint8_t kSpecialSequence = 255;

// The tokens of one text, without the template's special tokens. ids, offsets and words have the
// same length.
struct Encoding {
  std::vector<std::int32_t> ids;
  std::vector<Offset> offsets;
  std::vector<std::int32_t> words;  // which word of its text the token is from
  // Empty, or for each token whether assemble() must give its blank back where it is the first of a
  // window (RobertaProcessing with trim_offsets and add_prefix_space): 0 no, 1 yes, 2 yes and it is
  // nothing but a blank.
  std::vector<std::uint8_t> trimmed;
  std::size_t size() const { return ids.size(); }
};

// A part of an Encoding, as windows and truncation need it. Borrows.
struct EncodingView {
  std::span<const std::int32_t> ids;
  std::span<const Offset> offsets;
  std::span<const std::int32_t> words;
  std::span<const std::uint8_t> trimmed;  // as Encoding::trimmed; may be empty
  EncodingView() = default;
  EncodingView(const Encoding& e)  // NOLINT: an Encoding is a view of all of itself
      : ids(e.ids), offsets(e.offsets), words(e.words), trimmed(e.trimmed) {}
  EncodingView subview(std::size_t start, std::size_t count) const;
  std::size_t size() const { return ids.size(); }
};

// Model input: one or two texts with the template's special tokens around them. Lists of equal
// length.
struct Tokens {
  std::vector<std::int32_t> ids;
  std::vector<std::int32_t> type_ids;
  std::vector<Offset> offsets;      // (0, 0) for the template's tokens
  std::vector<std::int32_t> words;  // kNoWord for the template's tokens
  // 0 text, 1 pair, kSpecialSequence for the template's tokens.
  std::vector<std::uint8_t> sequences;
  std::size_t size() const { return ids.size(); }
};

struct TokenizerTables;

enum class Truncation { kLongestFirst, kOnlyFirst, kOnlySecond };

class Tokenizer {
 public:
  // Checks the structure of the image (sizes, bounds, template) in well under a millisecond and
  // without touching its tables; kCorrupt says what is wrong. What the tables hold is checked where
  // it is used, so a damaged image may give wrong ids, but none outside of vocab_size(). The image
  // must be aligned to 8 bytes and outlive the tokenizer and its copies.
  static Result<Tokenizer> from_image(std::span<const std::byte> image);

  // Tokenizes `text` (UTF-8; invalid UTF-8 is kInvalidArgument). Special tokens typed in the text
  // are recognized. `out` is overwritten; its capacity is reused. Linear in the text, n log n in
  // one long word (BPE) or one long run of combining marks.
  Status encode(std::string_view text, Encoding& out) const;

  // Special tokens that the template adds around one text or a pair.
  std::size_t special_count(bool pair) const;

  // Puts the template around the texts: [CLS] a [SEP] b [SEP], <s> a </s></s> b </s>. `out` is
  // overwritten.
  void assemble(const EncodingView& a, const EncodingView* b, Tokens& out) const;

  // Ids that the heads need; the tokenizer always has them.
  std::int32_t cls_id() const;
  std::int32_t sep_id() const;
  std::int32_t pad_id() const;
  std::uint32_t vocab_size() const;  // largest id + 1

 private:
  explicit Tokenizer(std::shared_ptr<const TokenizerTables> tables) : tables_(std::move(tables)) {}
  std::shared_ptr<const TokenizerTables> tables_;  // views into the image: a few hundred bytes
};

// Cuts a and b (may be null) so that with `specials` they are at most max_tokens long, as
// transformers does. kInvalidArgument when that cannot be done.
Status truncate(EncodingView& a, EncodingView* b, std::size_t specials, std::size_t max_tokens,
                Truncation strategy);

}  // namespace onecopy
