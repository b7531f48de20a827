// How a linear layer's weight lies in a segment, shared by the packer (host) and the products
// (worker).
//
//   source, PyTorch's [N, K]:  y[n] = sum over k of x[k] * W[n][k]
//   packed f32, "panels":      ceil(N / 64) panels, each [K][64], contiguous; panel p holds columns
//                              64 p .. 64 p + 63 of the transposed weight, zeros beyond N.
//
// A panel is what one brgemm call reads: B[K, 64] with ldb = 64. Panels of 64 columns were measured
// faster than 32 on machines without AMX tiles.
#pragma once

#include <cstddef>
#include <cstdint>

namespace onecopy {

enum class Layout : std::uint32_t {
  kRowMajor = 0,  // [rows, cols] as in the file: embeddings, biases ([1, N]), norms, small heads
  kPanels = 1,    // rows = N, cols = K, packed as above
};

enum class DType : std::uint32_t { kF32 = 0 };

inline constexpr std::size_t kPanelWidth = 64;

constexpr std::size_t panel_count(std::size_t n) { return (n + kPanelWidth - 1) / kPanelWidth; }
constexpr std::size_t panel_floats(std::size_t k) { return k * kPanelWidth; }
// Elements that a tensor of this layout takes in the segment.
constexpr std::size_t packed_elements(Layout layout, std::size_t rows, std::size_t cols) {
  return layout == Layout::kPanels ? panel_count(rows) * panel_floats(cols) : rows * cols;
}

}  // namespace onecopy
