#include "worker/decode/lower_case.h"

#include <utf8proc.h>

#include <vector>

namespace onecopy::worker {
namespace {

using CodePoints = std::vector<utf8proc_int32_t>;

constexpr utf8proc_int32_t kCapitalSigma = 0x3A3;
constexpr utf8proc_int32_t kSmallSigma = 0x3C3;
constexpr utf8proc_int32_t kFinalSigma = 0x3C2;
constexpr utf8proc_int32_t kCapitalIWithDot = 0x130;
constexpr utf8proc_int32_t kCombiningDot = 0x307;

CodePoints decode(std::string_view text) {
  CodePoints points;
  const auto* bytes = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
  for (std::size_t at = 0; at < text.size();) {
    utf8proc_int32_t point = 0;
    const auto size =
        utf8proc_iterate(bytes + at, static_cast<utf8proc_ssize_t>(text.size() - at), &point);
    if (size <= 0) break;
    points.push_back(point);
    at += static_cast<std::size_t>(size);
  }
  return points;
}

void append(utf8proc_int32_t point, std::string& out) {
  utf8proc_uint8_t bytes[4];
  const auto size = utf8proc_encode_char(point, bytes);
  out.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
}

bool is_cased(utf8proc_int32_t point) {
  const auto category = utf8proc_category(point);
  return category == UTF8PROC_CATEGORY_LU || category == UTF8PROC_CATEGORY_LL ||
         category == UTF8PROC_CATEGORY_LT;
}

// Unicode's Case_Ignorable: marks, modifiers, formats, and the punctuation that stands inside
// words.
bool is_case_ignorable(utf8proc_int32_t point) {
  switch (utf8proc_category(point)) {
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_SK:
      return true;
    default:
      break;
  }
  static constexpr utf8proc_int32_t kWordPunctuation[] = {
      0x27,   0x2E,   0x3A,   0xB7,   0x387,  0x55F,  0x5F4,  0x2018, 0x2019,
      0x2024, 0x2027, 0xFE13, 0xFE52, 0xFE55, 0xFF07, 0xFF0E, 0xFF1A};
  for (const auto p : kWordPunctuation) {
    if (p == point) return true;
  }
  return false;
}

// A sigma is final when a cased letter stands before it and none after, ignoring marks between.
bool is_final_sigma(const CodePoints& points, std::size_t at) {
  std::size_t before = at;
  while (before > 0 && is_case_ignorable(points[before - 1])) --before;
  if (before == 0 || !is_cased(points[before - 1])) return false;
  std::size_t after = at + 1;
  while (after < points.size() && is_case_ignorable(points[after])) ++after;
  return after == points.size() || !is_cased(points[after]);
}

}  // namespace

std::string lower_case(std::string_view text) {
  const CodePoints points = decode(text);
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (points[i] == kCapitalSigma) {
      append(is_final_sigma(points, i) ? kFinalSigma : kSmallSigma, out);
    } else if (points[i] == kCapitalIWithDot) {
      out.push_back('i');
      append(kCombiningDot, out);
    } else {
      append(utf8proc_tolower(points[i]), out);
    }
  }
  return out;
}

}  // namespace onecopy::worker
