// A tensor borrowed from a segment. Owns nothing: valid while the Segment that handed it out lives.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "shared/segment/packed_weight.h"

namespace onecopy {

constexpr std::string_view to_string(Layout layout) {
  return layout == Layout::kPanels ? "panels" : "row-major";
}

constexpr std::string_view to_string(DType dtype) {
  constexpr std::array<std::string_view, kDTypes> kNames = {"f32", "bf16", "s8",  "f64", "f16",
                                                            "u8",  "s16",  "s32", "s64", "bool"};
  const auto i = static_cast<std::size_t>(dtype);
  return i < kNames.size() ? kNames[i] : "unknown";
}

struct TensorView {
  Layout layout = Layout::kRowMajor;
  DType dtype = DType::kF32;
  std::size_t rows = 0;  // of two dimensions, else 0; N of a panel-packed weight
  std::size_t cols = 0;  // the same; K of a panel-packed weight
  std::span<const std::uint64_t> dims;
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
