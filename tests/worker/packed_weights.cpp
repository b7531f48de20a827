#include "tests/worker/packed_weights.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>

#include "host/publish/pack.h"
#include "shared/base/bf16.h"
#include "tests/worker/kernels/targets.h"

namespace onecopy::worker {
namespace {

template <class T>
T read(const std::byte* bytes, std::size_t index) {
  T value;
  std::memcpy(&value, bytes + index * sizeof(T), sizeof(T));
  return value;
}

}  // namespace

void PackedWeights::Free::operator()(std::byte* pointer) const { std::free(pointer); }

PackedWeights::PackedWeights(DType dtype, std::size_t outputs, std::size_t inputs,
                             const std::vector<float>& source)
    : bias_(kernels::random_floats(outputs, 99)) {
  const std::size_t bytes = packed_bytes(Layout::kPanels, dtype, outputs, inputs);
  panels_.reset(static_cast<std::byte*>(std::aligned_alloc(64, bytes)));
  pack_panels(dtype, outputs, inputs, source.data(), panels_.get());
  weights_ = {{Layout::kPanels, dtype, outputs, inputs, {}, {panels_.get(), bytes}}, bias_};
}

void pack_panels(DType dtype, std::size_t outputs, std::size_t inputs, const float* source,
                 std::byte* panels) {
  for (std::size_t n = 0; n < outputs; n += kPanelWidth) {
    ASSERT_TRUE(host::pack_panel(dtype, source + n * inputs, std::min(kPanelWidth, outputs - n),
                                 inputs, panels + n / kPanelWidth * panel_bytes(dtype, inputs)));
  }
}

float weight_at(const TensorView& weight, std::size_t n, std::size_t k) {
  const std::byte* panel =
      weight.bytes.data() + n / kPanelWidth * panel_bytes(weight.dtype, weight.cols);
  const std::size_t column = n % kPanelWidth;
  const std::size_t index = panel_index(weight.dtype, weight.cols, k, column);
  switch (weight.dtype) {
    case DType::kF32:
      return read<float>(panel, index);
    case DType::kBf16: {
      const auto bits = read<std::uint16_t>(panel, index);
      return widen_bf16(bits);
    }
    default:  // kS8: panels have no other
      break;
  }
  return static_cast<float>(read<std::int8_t>(panel, index)) *
         read<float>(panel + s8_panel(weight.cols).scales, column);
}

}  // namespace onecopy::worker
