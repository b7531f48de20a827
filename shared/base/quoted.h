// Texts from outside as they may stand in an error or a line of the log.
#pragma once

#include <string>
#include <string_view>

namespace onecopy {

// At most `bytes` of the text and "..." where something is missing: one line of valid UTF-8, cut
// between characters. A control character becomes a blank, a byte that is not UTF-8 U+FFFD.
std::string shortened(std::string_view text, std::size_t bytes = 64);

// The same in quotation marks.
std::string in_quotes(std::string_view text);

}  // namespace onecopy
