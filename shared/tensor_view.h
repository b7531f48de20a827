// A tensor borrowed from a segment. Owns nothing: valid while the Segment that handed it out lives.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "shared/packed_weight.h"

namespace onecopy {

struct TensorView {
  Layout layout = Layout::kRowMajor;
  DType dtype = DType::kF32;
  std::size_t rows = 0;  // N of a panel-packed weight
  std::size_t cols = 0;  // K of a panel-packed weight
  std::span<const std::byte> bytes;

  // The packed elements; 64-byte aligned. Precondition: dtype is kF32.
  std::span<const float> floats() const {
    return {reinterpret_cast<const float*>(bytes.data()), bytes.size() / sizeof(float)};
  }
  // The same for kBf16.
  std::span<const std::uint16_t> bf16s() const {
    return {reinterpret_cast<const std::uint16_t*>(bytes.data()),
            bytes.size() / sizeof(std::uint16_t)};
  }
};

}  // namespace onecopy
