// From code point offsets (what users see) to byte offsets (what a string is cut by).
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace onecopy::worker {

// Index over one text; keeps the place of every 64th code point. Borrows the text, which is valid
// UTF-8.
class CodePointIndex {
 public:
  explicit CodePointIndex(std::string_view text);
  // Where code point `index` begins; the text's end for any index beyond it, as Python's slices do.
  std::uint32_t byte_offset(std::uint32_t index) const;

 private:
  std::string_view text_;
  std::vector<std::uint32_t> places_;
};

}  // namespace onecopy::worker
