// What attention in bf16 needs around its products (bf16_product.h).
#pragma once

#include <cstddef>
#include <cstdint>

#include "worker/kernels/power_rows.h"

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

// powers[r][i] = exp(factor (x[r][i] - the row's maximum)), to nearest; inverse_sums[r] = 1 / the
// unrounded ones' sum, a NaN where a score is no number.
void bf16_power_rows(const PowerRows<std::uint16_t>& x, float factor, float* inverse_sums);
void bf16_power_rows_scalar(const PowerRows<std::uint16_t>& x, float factor, float* inverse_sums);

}  // namespace onecopy::worker::kernels
