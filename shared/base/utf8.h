// UTF-8: decoding, encoding, checking, counting. The only place that knows how it is laid out.
//
// Every function stays inside its text, whatever the bytes are, also where an earlier check has
// found them valid: texts lie in memory that another process can write (a mailbox, a segment), and
// may have changed since. Never add a decoder that trusts a first byte to say how much follows.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

namespace onecopy::utf8 {

// Whether a byte is the first of a character (or stands alone): all but 10xxxxxx.
inline bool is_first(char byte) { return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80U; }

struct Char {
  char32_t code;
  std::size_t bytes;  // 0 where the bytes are not UTF-8
};

// The character at text[at]; at < text.size(). Rejects overlong forms, surrogates and code points
// above U+10FFFF.
inline Char decode_strict(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[at + i]); };
  const std::size_t left = text.size() - at;
  const auto tail = [&](std::size_t i) { return i < left && !is_first(text[at + i]); };
  const char32_t first = byte(0);
  if (first < 0x80) return {first, 1};
  if (first >= 0xC2 && first <= 0xDF && tail(1))
    return {(first & 0x1F) << 6 | (byte(1) & 0x3Fu), 2};
  if (first >= 0xE0 && first <= 0xEF && tail(1) && tail(2)) {
    const char32_t c = (first & 0x0F) << 12 | (byte(1) & 0x3Fu) << 6 | (byte(2) & 0x3Fu);
    if (c >= 0x800 && (c < 0xD800 || c > 0xDFFF)) return {c, 3};
  }
  if (first >= 0xF0 && first <= 0xF4 && tail(1) && tail(2) && tail(3)) {
    const char32_t c =
        (first & 0x07) << 18 | (byte(1) & 0x3Fu) << 12 | (byte(2) & 0x3Fu) << 6 | (byte(3) & 0x3Fu);
    if (c >= 0x10000 && c <= 0x10FFFF) return {c, 4};
  }
  return {0xFFFD, 0};
}

// The same for text known to be UTF-8; moves on by one byte where it is not after all (a damaged
// image can cut a text inside a character).
inline Char decode(std::string_view text, std::size_t at) {
  Char c = decode_strict(text, at);
  if (c.bytes == 0) c.bytes = 1;
  return c;
}

// The character that ends before text[end]; end > 0.
inline Char decode_before(std::string_view text, std::size_t end) {
  std::size_t start = end - 1;
  while (start > 0 && end - start < 4 && !is_first(text[start])) --start;
  const Char c = decode_strict(text.substr(0, end), start);
  return start + c.bytes == end ? c : Char{0xFFFD, 1};
}

inline void append(std::string& text, char32_t c) {
  const auto put = [&](char32_t byte) { text.push_back(static_cast<char>(byte)); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xC0 | c >> 6), put(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    put(0xE0 | c >> 12), put(0x80 | (c >> 6 & 0x3F)), put(0x80 | (c & 0x3F));
  } else {
    put(0xF0 | c >> 18), put(0x80 | (c >> 12 & 0x3F)), put(0x80 | (c >> 6 & 0x3F)),
        put(0x80 | (c & 0x3F));
  }
}

// Bytes before the first one that isn't UTF-8; text.size() where all is well.
inline std::size_t valid_prefix(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t bytes = decode_strict(text, at).bytes;
    if (bytes == 0) break;
    at += bytes;
  }
  return at;
}

inline bool is_valid(std::string_view text) { return valid_prefix(text) == text.size(); }

// How many characters (code points) the text has; of bytes that are not UTF-8, some number of at
// most text.size().
inline std::size_t count(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), is_first));
}

}  // namespace onecopy::utf8
