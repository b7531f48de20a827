// The plain twins of the vector kernels, in double where they sum: what tests compare with.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>

#include "shared/base/bf16.h"
#include "worker/kernels/bf16_product.h"
#include "worker/kernels/int8_product.h"
#include "worker/kernels/row_kernels.h"

namespace onecopy::worker::kernels {
namespace {

void multiply_bf16_scalar(const Bf16Args& args) {
  for (std::size_t i = 0; i < args.m; ++i) {
    for (std::size_t j = 0; j < args.n; ++j) {
      float& c = args.c[i * args.ldc + j];
      double sum = args.add ? c : 0;
      const std::uint16_t* strip = args.b + j / kStripWidth * args.b_strip;
      for (std::size_t k = 0; k < args.k; ++k) {
        const std::uint16_t a =
            args.a[k / kBf16Depth * args.a_block + i * args.lda + k % kBf16Depth];
        sum += static_cast<double>(widen_bf16(a)) *
               widen_bf16(strip[(k / 2 * kStripWidth + j % kStripWidth) * 2 + k % 2]);
      }
      c = static_cast<float>(sum);
    }
  }
  if (args.finish != nullptr) finish_scaled_scalar(args.c, args.m, *args.finish);
}

// The sum of one block, exact.
std::int32_t block_sum(const Int8Args& args, std::size_t block, std::size_t row,
                       std::size_t column) {
  std::int32_t sum = 0;
  const std::uint8_t* a = args.a + block * args.a_block + row * args.lda;
  const std::int8_t* b =
      args.b + column / kStripWidth * args.b_strip + block * kS8BlockRows * kStripWidth;
  for (std::size_t k = 0; k < kS8BlockRows; ++k) {
    sum += a[k] * b[(k / 4 * kStripWidth + column % kStripWidth) * 4 + k % 4];
  }
  if (args.block_sums != nullptr) sum -= 128 * args.block_sums[block * kPanelWidth + column];
  return sum;
}

void multiply_int8_scalar(const Int8Args& args) {
  for (std::size_t i = 0; i < args.m; ++i) {
    for (std::size_t j = 0; j < kPanelWidth; ++j) {
      float& c = args.c[i * kPanelWidth + j];
      if (!args.add) c = 0;
      for (std::size_t first = 0; first < args.blocks; first += args.together) {
        std::int32_t sum = 0;
        const std::size_t last = std::min(args.blocks, first + args.together);
        for (std::size_t block = first; block < last; ++block) sum += block_sum(args, block, i, j);
        const float scale = args.scales[first / args.together * args.next_scales + i];
        c = std::fma(static_cast<float>(sum), scale, c);
      }
    }
  }
  if (args.finish != nullptr) finish_scaled_scalar(args.c, args.m, *args.finish);
}

constexpr Bf16Product kScalarBf16{"scalar", multiply_bf16_scalar, nullptr, 1, kRowBlock};
constexpr Int8Product kScalarInt8{"scalar", multiply_int8_scalar, nullptr, 1, kRowBlock, SIZE_MAX};

}  // namespace

void layer_norm_scalar(const LayerNorm& norm, Activations x, Activations y, std::size_t first,
                       std::size_t last) {
  const auto columns = static_cast<double>(norm.columns);
  for (std::size_t row = first; row < last; ++row) {
    double mean = 0;
    for (std::size_t c = 0; c < norm.columns; ++c) mean += *x.at(row, c);
    mean /= columns;
    double variance = 0;
    for (std::size_t c = 0; c < norm.columns; ++c) {
      const double v = *x.at(row, c) - mean;
      variance += v * v;
    }
    const double scale = 1 / std::sqrt(variance / columns + norm.eps);
    for (std::size_t c = 0; c < norm.columns; ++c) {
      const double v = (*x.at(row, c) - mean) * scale;
      *y.at(row, c) = static_cast<float>(v * norm.weight[c] + norm.bias[c]);
    }
  }
}

void exp_rows_scalar(const Rows& x, float* inverse_sums) {
  for (std::size_t r = 0; r < x.rows; ++r) {
    const std::span row(x.data + r * x.stride, x.columns);
    const float max = *std::max_element(row.begin(), row.end());
    double sum = 0;
    for (float& v : row) {
      const double power = std::exp(static_cast<double>(v) - max);
      v = static_cast<float>(power);
      sum += power;
    }
    inverse_sums[r] = static_cast<float>(1 / sum);
  }
}

float dot_scalar(const float* a, const float* b, std::size_t columns) {
  double sum = 0;
  for (std::size_t i = 0; i < columns; ++i) sum += static_cast<double>(a[i]) * b[i];
  return static_cast<float>(sum);
}

const Bf16Product& scalar_bf16_product() { return kScalarBf16; }
const Int8Product& scalar_int8_product() { return kScalarInt8; }

}  // namespace onecopy::worker::kernels
