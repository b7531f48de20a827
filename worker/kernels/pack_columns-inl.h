// Rows of words become columns: keys as the right side of a product.
#if defined(ONECOPY_PACK_COLUMNS_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef ONECOPY_PACK_COLUMNS_INL_H
#undef ONECOPY_PACK_COLUMNS_INL_H
#else
#define ONECOPY_PACK_COLUMNS_INL_H
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cstdint>
#include <cstring>

HWY_BEFORE_NAMESPACE();
namespace onecopy::worker::kernels::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// to[word][row], kWidth rows to a word: word `word` of the `rows` rows of 16-bit pairs, `stride`
// 16-bit values apart; zeros for the rows beyond them.
template <std::size_t kWidth, class T>
void pack_columns(const T* from, std::size_t stride, std::size_t rows, std::size_t words,
                  std::uint32_t* to) {
  const auto word_at = [&](std::size_t row, std::size_t word) {
    std::uint32_t v = 0;
    std::memcpy(&v, from + row * stride + 2 * word, sizeof v);
    return v;
  };
  std::size_t row = 0;
#if HWY_TARGET != HWY_SCALAR
  const hn::FixedTag<std::uint32_t, 4> d;
  const auto four = [&](std::size_t r, std::size_t word) HWY_ATTR {
    return hn::LoadU(d, reinterpret_cast<const std::uint32_t*>(from + r * stride) + word);
  };
  for (; row + 4 <= rows; row += 4) {
    std::size_t word = 0;
    for (; word + 4 <= words; word += 4) {
      const auto a = four(row, word);
      const auto b = four(row + 1, word);
      const auto c = four(row + 2, word);
      const auto e = four(row + 3, word);
      const auto ab_low = hn::InterleaveLower(d, a, b);
      const auto ab_high = hn::InterleaveUpper(d, a, b);
      const auto ce_low = hn::InterleaveLower(d, c, e);
      const auto ce_high = hn::InterleaveUpper(d, c, e);
      std::uint32_t* out = to + word * kWidth + row;
      hn::StoreU(hn::ConcatLowerLower(d, ce_low, ab_low), d, out);
      hn::StoreU(hn::ConcatUpperUpper(d, ce_low, ab_low), d, out + kWidth);
      hn::StoreU(hn::ConcatLowerLower(d, ce_high, ab_high), d, out + 2 * kWidth);
      hn::StoreU(hn::ConcatUpperUpper(d, ce_high, ab_high), d, out + 3 * kWidth);
    }
    for (; word < words; ++word) {
      for (std::size_t i = row; i < row + 4; ++i) to[word * kWidth + i] = word_at(i, word);
    }
  }
#endif
  for (std::size_t word = 0; word < words; ++word) {
    std::uint32_t* out = to + word * kWidth;
    for (std::size_t i = row; i < rows; ++i) out[i] = word_at(i, word);
    std::fill(out + rows, out + kWidth, 0);
  }
}

}  // namespace onecopy::worker::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // include guard
