// What Tokenizer reads of its image: views into it, whose bounds have been checked.
//
// The values in the tables are not: an id may be too large in a damaged image, so ids go through
// token_id().
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "shared/base/status.h"
#include "shared/tokenizer/tokenizer.h"
#include "shared/tokenizer/trie.h"

namespace onecopy {

struct TokenizerTables {
  image::Header header;
  Trie vocabulary, raw_tokens, normalized_tokens;
  std::span<const image::AddedToken> added_tokens;
  std::span<const std::uint32_t> byte_ids;
  std::span<const image::Merge> merges;
  std::span<const image::Edges> edges;
  std::span<const image::TemplatePiece> single_template, pair_template;

  static Result<TokenizerTables> from_image(std::span<const std::byte> image);

  bool has(std::uint32_t flag) const { return (header.flags & flag) != 0; }
  std::int32_t token_id(std::uint32_t id) const {
    return static_cast<std::int32_t>(std::min(id, header.vocab_size - 1));
  }
  const image::Merge* find_merge(std::uint32_t left, std::uint32_t right) const;
};

}  // namespace onecopy
