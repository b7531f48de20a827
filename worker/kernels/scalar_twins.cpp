// The plain twins of the vector kernels, in double where they sum: what tests compare with.
#include <algorithm>
#include <cmath>
#include <span>

#include "worker/kernels/row_kernels.h"

namespace onecopy::worker::kernels {

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

}  // namespace onecopy::worker::kernels
