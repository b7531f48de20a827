#include "shared/base/quoted.h"

#include "shared/base/utf8.h"

namespace onecopy {

std::string shortened(std::string_view text, std::size_t bytes) {
  std::string result;
  for (std::size_t at = 0; at < text.size();) {
    const utf8::Char c = utf8::decode(text, at);
    const std::size_t before = result.size();
    // U+0080 to U+009F are control characters too: terminals obey them.
    const bool is_control = c.code < 0x20 || (c.code >= 0x7F && c.code < 0xA0);
    utf8::append(result, is_control ? U' ' : c.code);
    if (result.size() > bytes) return result.substr(0, before) + "...";
    at += c.bytes;
  }
  return result;
}

std::string in_quotes(std::string_view text) { return '"' + shortened(text) + '"'; }

}  // namespace onecopy
