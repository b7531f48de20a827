#include "gateway/api/json_text.h"

#include <fmt/compile.h>
#include <fmt/format.h>

#include <array>
#include <iterator>

#include "shared/base/utf8.h"

namespace onecopy::gateway {
namespace {

using std::string_view;

constexpr string_view kReplacement = "\xEF\xBF\xBD";

// Which characters stand in a JSON string as they are.
constexpr std::array<bool, 256> kPlain = [] {
  std::array<bool, 256> plain{};
  for (std::size_t c = 0x20; c < 0x80; ++c) plain[c] = c != '"' && c != '\\';
  return plain;
}();

void append_escaped(char c, std::string& to) {
  switch (c) {
    case '"':
      to += "\\\"";
      return;
    case '\\':
      to += "\\\\";
      return;
    case '\n':
      to += "\\n";
      return;
    case '\r':
      to += "\\r";
      return;
    case '\t':
      to += "\\t";
      return;
    case '\b':
      to += "\\b";
      return;
    case '\f':
      to += "\\f";
      return;
    default:
      fmt::format_to(std::back_inserter(to), FMT_COMPILE("\\u{:04x}"), static_cast<int>(c));
  }
}

template <class Float>
void append_shortest(Float value, std::string& to) {
  std::array<char, 32> digits;
  char* const end = fmt::format_to(digits.data(), FMT_COMPILE("{}"), value);
  const string_view text(digits.data(), static_cast<std::size_t>(end - digits.data()));
  to += text;
  if (text.find_first_of(".e") == string_view::npos) to += ".0";
}

}  // namespace

void append_json_string(string_view text, std::string& to) {
  to += '"';
  std::size_t copied = 0;  // everything before is in `to`
  std::size_t at = 0;
  const auto copy = [&] { to += text.substr(copied, at - copied); };
  while (at < text.size()) {
    const auto c = static_cast<unsigned char>(text[at]);
    const std::size_t length = kPlain[c] ? 1 : c < 0x80 ? 0 : utf8::decode_strict(text, at).bytes;
    if (length != 0) {
      at += length;
      continue;
    }
    copy();
    if (c < 0x80) {
      append_escaped(text[at], to);
    } else {
      to += kReplacement;
    }
    copied = ++at;
  }
  copy();
  to += '"';
}

void append_json_number(double value, std::string& to) { append_shortest(value, to); }
void append_json_number(float value, std::string& to) { append_shortest(value, to); }

std::string error_body(string_view text) {
  std::string body = "{\"error\": ";
  append_json_string(text, body);
  body += "}";
  return body;
}

}  // namespace onecopy::gateway
