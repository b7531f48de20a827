// Collects the tokens of one text, with the offsets as the post-processor leaves them.
#pragma once

#include <cstdint>
#include <string_view>

#include "shared/tokenizer/tokenizer.h"
#include "shared/tokenizer/tokenizer_tables.h"

namespace onecopy {

// Blanks that a token's text begins and ends with.
struct Blanks {
  std::size_t leading = 0;
  std::size_t trailing = 0;
};
Blanks blanks_around(std::string_view text);

// Borrows the tables and the Encoding, which it clears.
class TokenWriter {
 public:
  TokenWriter(const TokenizerTables& tables, Encoding& out);

  void next_word() { ++word_; }

  // A token of the current word that stands for `source`.
  void token(std::uint32_t id, Offset source);
  // The same for an added token, whose text is what it took of the input.
  void added_token(std::uint32_t id, Offset source, std::string_view text);

  std::size_t size() const { return out_.ids.size(); }
  void forget_after(std::size_t size);

 private:
  void write(std::int32_t id, Offset source, Blanks blanks);
  std::uint8_t trim(Offset& source, Blanks blanks) const;

  const TokenizerTables& tables_;
  Encoding& out_;
  std::int32_t word_ = -1;
};

}  // namespace onecopy
