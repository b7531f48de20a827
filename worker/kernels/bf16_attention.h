// What attention in bf16 needs around its products (bf16_product.h).
#pragma once

#include <cstddef>
#include <cstdint>

namespace onecopy::worker::kernels {

// The right side of Q K^T: strips of 16 keys, [depth / 2][16][2] each. `rows` keys of `depth`
// values, an even number; rows `stride` elements apart. Keys beyond them in the last strip become
// 0.
void pack_bf16_keys(const std::uint16_t* keys, std::size_t stride, std::size_t rows,
                    std::size_t depth, std::uint16_t* strips);

// One strip of the right side of P V: [depth / 2][16][2], of `columns` columns of `rows` values,
// rows `stride` elements apart; zeros beyond them, up to `depth`, a multiple of 2.
void pack_bf16_values(const std::uint16_t* values, std::size_t stride, std::size_t rows,
                      std::size_t columns, std::size_t depth, std::uint16_t* strip);

// The softmax's powers: powers[r][i] = exp(factor (x[r][i] - the row's maximum)) for i < columns,
// to nearest, and zeros up to a multiple of kTileColumns; inverse_sums[r] = 1 / the unrounded ones'
// sum, a NaN where a score is no number. Up to that multiple x's rows can be read, whatever is
// there.
struct Bf16Powers {
  const float* x = nullptr;
  std::size_t stride = 0;
  std::size_t rows = 0;
  std::size_t columns = 0;
  float factor = 1;
  std::uint16_t* powers = nullptr;
  std::size_t power_stride = 0;
  float* inverse_sums = nullptr;
};
void bf16_power_rows(const Bf16Powers& x);
void bf16_power_rows_scalar(const Bf16Powers& x);

}  // namespace onecopy::worker::kernels
