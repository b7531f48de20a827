#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "worker/kernels/bf16_attention.cpp"

#include "worker/kernels/bf16_attention.h"

#include <algorithm>

#include "shared/base/bf16.h"
#include "shared/segment/packed_weight.h"
#include "worker/kernels/highway_vnni_targets.h"

#include <hwy/foreach_target.h>
// After foreach_target:
#include <hwy/highway.h>

#include "worker/kernels/pack_columns-inl.h"
#include "worker/kernels/power-inl.h"
#include "worker/kernels/round-inl.h"

HWY_BEFORE_NAMESPACE();
namespace onecopy::worker::kernels::HWY_NAMESPACE {

// Words of a key's row, a pair of its values each, become a column.
void pack_bf16_keys(const std::uint16_t* keys, std::size_t stride, std::size_t rows,
                    std::size_t depth, std::uint16_t* strips) {
  for (std::size_t first = 0; first < rows; first += kStripWidth) {
    pack_columns<kStripWidth>(keys + first * stride, stride, std::min(kStripWidth, rows - first),
                              depth / 2, reinterpret_cast<std::uint32_t*>(strips + first * depth));
  }
}

void pack_bf16_values(const std::uint16_t* HWY_RESTRICT values, std::size_t stride,
                      std::size_t rows, std::size_t columns, std::size_t depth,
                      std::uint16_t* HWY_RESTRICT strip) {
  static constexpr std::uint16_t kZeros[kStripWidth] = {};
  auto* to = reinterpret_cast<std::uint32_t*>(strip);
  std::uint16_t some[2][kStripWidth] = {};
  for (std::size_t row = 0; row < depth; row += 2, to += kStripWidth) {
    const std::uint16_t* first = row < rows ? values + row * stride : kZeros;
    const std::uint16_t* second = row + 1 < rows ? values + (row + 1) * stride : kZeros;
    if (columns < kStripWidth) {
      std::copy_n(first, columns, some[0]);
      std::copy_n(second, columns, some[1]);
      first = some[0];
      second = some[1];
    }
    for (std::size_t j = 0; j < kStripWidth; ++j) {  // vectorized by the compiler
      to[j] = first[j] | std::uint32_t{second[j]} << 16;
    }
  }
}

void bf16_power_rows(const PowerRows<std::uint16_t>& x, float factor, float* inverse_sums) {
  const Power power(factor, 1);
  for (std::size_t r = 0; r < x.rows; ++r) {
    std::uint16_t* const powers = x.powers + r * x.power_stride;
    const float total = powers_of_row(x.x + r * x.stride, x.columns, power,
                                      [&](std::size_t i, V first, V second)
                                          HWY_ATTR { store_as_bf16(first, second, powers + i); });
    inverse_sums[r] = 1 / total;
  }
}

}  // namespace onecopy::worker::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace onecopy::worker::kernels {
namespace {

HWY_EXPORT(pack_bf16_keys);
HWY_EXPORT(pack_bf16_values);
HWY_EXPORT(bf16_power_rows);

}  // namespace

void pack_bf16_keys(const std::uint16_t* keys, std::size_t stride, std::size_t rows,
                    std::size_t depth, std::uint16_t* strips) {
  HWY_DYNAMIC_DISPATCH(pack_bf16_keys)(keys, stride, rows, depth, strips);
}

void pack_bf16_values(const std::uint16_t* values, std::size_t stride, std::size_t rows,
                      std::size_t columns, std::size_t depth, std::uint16_t* strip) {
  HWY_DYNAMIC_DISPATCH(pack_bf16_values)(values, stride, rows, columns, depth, strip);
}

void bf16_power_rows(const PowerRows<std::uint16_t>& x, float factor, float* inverse_sums) {
  HWY_DYNAMIC_DISPATCH(bf16_power_rows)(x, factor, inverse_sums);
}

void bf16_power_rows_scalar(const PowerRows<std::uint16_t>& x, float factor, float* inverse_sums) {
  for (std::size_t r = 0; r < x.rows; ++r) {
    std::uint16_t* const powers = x.powers + r * x.power_stride;
    const double sum = powers_of_row_scalar(
        x.x + r * x.stride, x.columns, factor,
        [&](std::size_t i, double power) { powers[i] = narrow_bf16(static_cast<float>(power)); });
    inverse_sums[r] = static_cast<float>(1 / sum);
  }
}

}  // namespace onecopy::worker::kernels
#endif  // HWY_ONCE
