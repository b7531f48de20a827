// BertNormalizer: cleans, puts blanks around Chinese characters, strips accents and lower-cases.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "shared/tokenizer/aligned_text.h"

namespace onecopy {

// One text after the other; keeps its buffers between them. Not thread-safe.
class Normalizer {
 public:
  // `flags`: image::kNormalizes and the four bits after it. Without kNormalizes the text stays as
  // it is.
  explicit Normalizer(std::uint32_t flags) : flags_(flags) {}

  // Appends `text`, whose first character is code point `position` of the whole text, to `out`.
  // n log n in the longest run of combining marks, else linear.
  void normalize(std::string_view text, std::uint32_t position, AlignedText& out);

 private:
  void ascii(char32_t c, Offset source, AlignedText& out);
  void clean(char32_t c, Offset source, AlignedText& out);
  void separate(char32_t c, Offset source, AlignedText& out);
  void decompose(char32_t c, Offset source, AlignedText& out);
  void push(char32_t c, bool first, Offset source, AlignedText& out);
  void reorder_marks(AlignedText& out);
  void lower(char32_t c, Offset source, AlignedText& out);

  struct Mark {
    char32_t code;
    std::uint8_t combining_class;
    bool first;  // of its character's decomposition: takes the next source, else shares the last
                 // one taken
  };
  std::uint32_t flags_;
  std::vector<Mark> marks_;      // since the last starter, not yet in canonical order
  std::vector<Offset> sources_;  // of the marks that are first, in the order of the text
  Offset last_source_{};
};

}  // namespace onecopy
