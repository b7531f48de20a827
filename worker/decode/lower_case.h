// Unicode lower-casing of a whole string, as Python's str.lower(): answers that differ only in case
// are one.
#pragma once

#include <string>
#include <string_view>

namespace onecopy::worker {

// Full mapping (U+0130 becomes two code points) with the final sigma rule of Unicode chapter 3.13.
// `text` is valid UTF-8.
std::string lower_case(std::string_view text);

}  // namespace onecopy::worker
