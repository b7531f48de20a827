#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "worker/kernels/widen_panel.cpp"

#include "shared/base/bf16.h"
#include "shared/segment/packed_weight.h"
#include "worker/kernels/bf16_product.h"
#include "worker/kernels/highway_targets.h"
#include "worker/kernels/prefetch.h"

#include <hwy/foreach_target.h>
// After foreach_target:
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace onecopy::worker::kernels::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// A 32-bit lane is a pair of one column: its lower half the even row, the upper one the odd.
void widen_panel(const std::uint16_t* panel, std::size_t strip, std::size_t k, float* to,
                 Prefetch ahead) {
  const hn::ScalableTag<std::uint32_t> du;
  const hn::ScalableTag<float> d;
  const auto upper = hn::Set(du, 0xFFFF0000U);
  const auto* words = reinterpret_cast<const std::uint32_t*>(panel);
  for (std::size_t row = 0; row < k; row += 2, words += kStripWidth, to += 2 * kPanelWidth) {
    ahead.some();
    for (std::size_t j = 0; j < kPanelWidth; j += hn::Lanes(d)) {
      const auto pair = hn::LoadU(du, words + j / kStripWidth * (strip / 2) + j % kStripWidth);
      hn::StoreU(hn::BitCast(d, hn::ShiftLeft<16>(pair)), d, to + j);
      if (row + 1 < k) {
        hn::StoreU(hn::BitCast(d, hn::And(pair, upper)), d, to + kPanelWidth + j);
      }
    }
  }
}

}  // namespace onecopy::worker::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace onecopy::worker::kernels {
namespace {

HWY_EXPORT(widen_panel);

}  // namespace

void widen_panel(const std::uint16_t* panel, std::size_t strip, std::size_t k, float* to,
                 const std::byte* next, std::size_t next_bytes) {
  HWY_DYNAMIC_DISPATCH(widen_panel)(panel, strip, k, to, Prefetch(next, next_bytes, (k + 1) / 2));
}

void widen_panel_scalar(const std::uint16_t* panel, std::size_t strip, std::size_t k, float* to) {
  for (std::size_t row = 0; row < k; ++row) {
    for (std::size_t j = 0; j < kPanelWidth; ++j) {
      const std::uint16_t bits =
          panel[j / kStripWidth * strip + (row / 2 * kStripWidth + j % kStripWidth) * 2 + row % 2];
      to[row * kPanelWidth + j] = widen_bf16(bits);
    }
  }
}

}  // namespace onecopy::worker::kernels
#endif  // HWY_ONCE
