#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "worker/kernels/finish_quantized.cpp"

#include "worker/kernels/finish_quantized.h"

#include <bit>

#include "worker/kernels/highway_targets.h"
#include "worker/kernels/quantize_steps.h"

#include <hwy/foreach_target.h>
// After foreach_target:
#include <hwy/highway.h>

#include "worker/kernels/finish-inl.h"
#include "worker/kernels/quantize-inl.h"

HWY_BEFORE_NAMESPACE();
namespace onecopy::worker::kernels::HWY_NAMESPACE {
namespace {

constexpr std::size_t kLanes = hn::MaxLanes(D());
constexpr std::size_t kVectors = kBlockColumns / kLanes;

// One row of kPanels panels.
template <Epilogue kEpilogue, std::size_t kPanels>
HWY_INLINE void finish_row(const SumsBlock* blocks, const float* lows, std::size_t row,
                           const Operand& y, std::size_t block, std::size_t to) {
  V values[kPanels][kVectors];
  auto most = hn::Zero(DI());  // magnitudes as integers: see quantize.cpp
  const V low = hn::Set(D(), lows == nullptr ? 0 : lows[row]);
#pragma GCC unroll 2
  for (std::size_t p = 0; p < kPanels; ++p) {
    const SumsBlock& from = blocks[p];
#pragma GCC unroll 4
    for (std::size_t i = 0; i < kVectors; ++i) {
      const std::size_t j = i * kLanes;
      V v = hn::MulAdd(hn::LoadU(D(), from.c + row * kBlockColumns + j),
                       hn::LoadU(D(), from.scales + j), hn::LoadU(D(), from.bias + j));
      v = finish<kEpilogue, true>(D(), hn::MulAdd(low, hn::LoadU(D(), from.sums + j), v));
      most = hn::Max(most, hn::And(hn::BitCast(DI(), v), hn::Set(DI(), 0x7FFFFFFF)));
      values[p][i] = v;
    }
  }
  const float magnitude = std::bit_cast<float>(hn::GetLane(hn::MaxOfLanes(DI(), most)));
  const Steps steps = steps_of(y, to, block, {0, 0, magnitude});
  const V factor = hn::Set(D(), steps.factor);
  const V shift = hn::Set(D(), steps.shift);
#pragma GCC unroll 2
  for (std::size_t p = 0; p < kPanels; ++p) {
    quantize_block([&](std::size_t i) HWY_ATTR { return values[p][i / kLanes]; }, factor, shift,
                   reinterpret_cast<std::uint8_t*>(y.at(to, block + p)));
  }
}

template <Epilogue kEpilogue>
void finish_rows(const SumsBlock* blocks, std::size_t panels, const float* lows, const Operand& y,
                 std::size_t block, std::size_t first, std::size_t last) {
  for (std::size_t row = first; row < last; ++row) {
    if (panels == 2) {
      finish_row<kEpilogue, 2>(blocks, lows, row - first, y, block, row);
    } else {
      finish_row<kEpilogue, 1>(blocks, lows, row - first, y, block, row);
    }
  }
}

}  // namespace

void finish_quantized(Epilogue epilogue, const SumsBlock* blocks, std::size_t panels,
                      const float* lows, const Operand& y, std::size_t block, std::size_t first,
                      std::size_t last) {
  switch (epilogue) {
    case Epilogue::kNone:
      return finish_rows<Epilogue::kNone>(blocks, panels, lows, y, block, first, last);
    case Epilogue::kGelu:
      return finish_rows<Epilogue::kGelu>(blocks, panels, lows, y, block, first, last);
    case Epilogue::kGeluTanh:
      return finish_rows<Epilogue::kGeluTanh>(blocks, panels, lows, y, block, first, last);
    case Epilogue::kRelu:
      return finish_rows<Epilogue::kRelu>(blocks, panels, lows, y, block, first, last);
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
