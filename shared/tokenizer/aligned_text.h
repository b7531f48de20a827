// Normalized text that knows where each byte came from.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "shared/tokenizer/tokenizer.h"

namespace onecopy {

// A part of an AlignedText. Borrows. bytes and sources are of equal length, and never begin or end
// in a character.
struct AlignedView {
  std::string_view bytes;
  std::span<const Offset> sources;  // code points of the original text that each byte stands for
  std::size_t size() const { return bytes.size(); }
  AlignedView part(std::size_t begin, std::size_t end) const {
    return {bytes.substr(begin, end - begin), sources.subspan(begin, end - begin)};
  }
  // Original code points of a part that has at least one byte.
  Offset source(std::size_t begin, std::size_t end) const {
    return {sources[begin].start, sources[end - 1].end};
  }
};

// Owns its bytes; cleared and filled again for each piece of a text.
struct AlignedText {
  std::string bytes;
  std::vector<Offset> sources;

  void clear() {
    bytes.clear();
    sources.clear();
  }
  void append(char32_t c, Offset source);
  AlignedView view() const { return {bytes, sources}; }
};

}  // namespace onecopy
