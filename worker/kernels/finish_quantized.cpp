#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "worker/kernels/finish_quantized.cpp"

#include "worker/kernels/finish_quantized.h"

#include "worker/kernels/highway_targets.h"
#include "worker/kernels/quantize_steps.h"

#include <hwy/foreach_target.h>
// After foreach_target:
#include <hwy/highway.h>

#include "worker/kernels/finish-inl.h"
#include "worker/kernels/magnitude-inl.h"
#include "worker/kernels/quantize-inl.h"

HWY_BEFORE_NAMESPACE();
namespace onecopy::worker::kernels::HWY_NAMESPACE {
namespace {

constexpr std::size_t kLanes = hn::MaxLanes(D());
constexpr std::size_t kVectors = kBlockColumns / kLanes;

// Rows that go through each step together: what ends a row, from its largest magnitude to its
// factor, is a chain of instructions that would leave the multipliers waiting.
constexpr std::size_t kGroup = 4;

// The finished values of kPanels panels, and their largest magnitudes' bits.
template <Epilogue kEpilogue, std::size_t kPanels>
HWY_INLINE VI finish_row(const SumsBlock* blocks, std::size_t row, V low,
                         V (&values)[kPanels][kVectors]) {
  VI most = hn::Zero(DI());
#pragma GCC unroll 2
  for (std::size_t p = 0; p < kPanels; ++p) {
    const SumsBlock& from = blocks[p];
#pragma GCC unroll 4
    for (std::size_t i = 0; i < kVectors; ++i) {
      const std::size_t j = i * kLanes;
      V v = hn::MulAdd(hn::LoadU(D(), from.c + row * kBlockColumns + j),
                       hn::LoadU(D(), from.scales + j), hn::LoadU(D(), from.bias + j));
      v = finish<kEpilogue, true>(D(), hn::MulAdd(low, hn::LoadU(D(), from.sums + j), v));
      most = hn::Max(most, magnitude_bits(v));
      values[p][i] = v;
    }
  }
  return most;
}

template <std::size_t kPanels>
HWY_INLINE void quantize_values(const V (&values)[kPanels][kVectors], const Steps& steps,
                                const Operand& y, std::size_t block, std::size_t to) {
  const V factor = hn::Set(D(), steps.factor);
  const V shift = hn::Set(D(), steps.shift);
#pragma GCC unroll 2
  for (std::size_t p = 0; p < kPanels; ++p) {
    quantize_block([&](std::size_t i) HWY_ATTR { return values[p][i / kLanes]; }, factor, shift,
                   reinterpret_cast<std::uint8_t*>(y.at(to, block + p)));
  }
}

// kRows rows from `row` of the blocks on, which become those of y from `to` on.
template <Epilogue kEpilogue, std::size_t kPanels, std::size_t kRows>
HWY_INLINE void finish_group(const SumsBlock* blocks, const float* lows, std::size_t row,
                             const Operand& y, std::size_t block, std::size_t to) {
  V values[kRows][kPanels][kVectors];
  VI most[kRows];
  for (std::size_t r = 0; r < kRows; ++r) {
    const V low = hn::Set(D(), lows == nullptr ? 0 : lows[row + r]);
    most[r] = finish_row<kEpilogue>(blocks, row + r, low, values[r]);
  }
  Steps steps[kRows];
#pragma GCC unroll 4
  for (std::size_t r = 0; r < kRows; ++r) {
    steps[r] = steps_of(y, to + r, block, {0, 0, largest_magnitude(most[r])});
  }
  for (std::size_t r = 0; r < kRows; ++r) quantize_values(values[r], steps[r], y, block, to + r);
}

template <Epilogue kEpilogue, std::size_t kPanels>
void finish_rows(const SumsBlock* blocks, const float* lows, const Operand& y, std::size_t block,
                 std::size_t first, std::size_t last) {
  std::size_t row = first;
  for (; row + kGroup <= last; row += kGroup) {
    finish_group<kEpilogue, kPanels, kGroup>(blocks, lows, row - first, y, block, row);
  }
  for (; row < last; ++row) {
    finish_group<kEpilogue, kPanels, 1>(blocks, lows, row - first, y, block, row);
  }
}

template <Epilogue kEpilogue>
void finish_panels(const SumsBlock* blocks, std::size_t panels, const float* lows, const Operand& y,
                   std::size_t block, std::size_t first, std::size_t last) {
  if (panels == 2) return finish_rows<kEpilogue, 2>(blocks, lows, y, block, first, last);
  finish_rows<kEpilogue, 1>(blocks, lows, y, block, first, last);
}

}  // namespace

void finish_quantized(Epilogue epilogue, const SumsBlock* blocks, std::size_t panels,
                      const float* lows, const Operand& y, std::size_t block, std::size_t first,
                      std::size_t last) {
  switch (epilogue) {
    case Epilogue::kNone:
      return finish_panels<Epilogue::kNone>(blocks, panels, lows, y, block, first, last);
    case Epilogue::kGelu:
      return finish_panels<Epilogue::kGelu>(blocks, panels, lows, y, block, first, last);
    case Epilogue::kGeluTanh:
      return finish_panels<Epilogue::kGeluTanh>(blocks, panels, lows, y, block, first, last);
    case Epilogue::kRelu:
      return finish_panels<Epilogue::kRelu>(blocks, panels, lows, y, block, first, last);
  }
}

}  // namespace onecopy::worker::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace onecopy::worker::kernels {
namespace {

HWY_EXPORT(finish_quantized);

}  // namespace

void finish_quantized(Epilogue epilogue, const SumsBlock* blocks, std::size_t panels,
                      const float* lows, const Operand& y, std::size_t block, std::size_t first,
                      std::size_t last) {
  HWY_DYNAMIC_DISPATCH(finish_quantized)(epilogue, blocks, panels, lows, y, block, first, last);
}

}  // namespace onecopy::worker::kernels
#endif  // HWY_ONCE
