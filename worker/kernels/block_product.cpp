#include "worker/kernels/block_product.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <exception>
#include <vector>

namespace onecopy::worker::kernels {
namespace {

void multiply_scalar(const BlockArgs& args) {
  for (std::size_t i = 0; i < args.m; ++i) {
    for (std::size_t j = 0; j < args.n; ++j) {
      double sum = args.add ? args.c[i * args.ldc + j] : 0;
      for (std::size_t k = 0; k < args.k; ++k) {
        const float a = args.a[k / kBlockColumns * args.a_block + i * args.lda + k % kBlockColumns];
        sum += static_cast<double>(a) * args.b[k * args.ldb + j];
      }
      args.c[i * args.ldc + j] = static_cast<float>(sum);
    }
  }
}

constexpr BlockProduct kScalar{"scalar", multiply_scalar, nullptr};

struct Shape {
  std::size_t m, n, k;
};
// What the encoder asks for: full blocks, and the tails of rows and of inputs.
constexpr std::array<Shape, 3> kTestShapes{{{96, 64, 128}, {1, 64, 96}, {37, 64, 128}}};

// Small numbers without a pattern; the same ones in each process.
std::vector<float> noise(std::size_t count, unsigned seed) {
  std::vector<float> values(count);
  for (float& value : values) {
    seed = seed * 1664525U + 1013904223U;
    value = static_cast<float>(seed >> 8) / static_cast<float>(1U << 23) - 1;
  }
  return values;
}

// A and B of a shape; C is the caller's.
struct TestBlock {
  explicit TestBlock(const Shape& block)
      : shape(block), a(noise(block.m * kProductDepth, 1)), b(noise(block.k * block.n, 2)) {}
  BlockArgs args(std::vector<float>& c) const {
    return {.m = shape.m,
            .n = shape.n,
            .k = shape.k,
            .a = a.data(),
            .lda = kBlockColumns,
            .a_block = shape.m * kBlockColumns,
            .b = b.data(),
            .ldb = shape.n,
            .c = c.data(),
            .ldc = shape.n};
  }
  const Shape shape;
  const std::vector<float> a, b;
};

// The largest difference from the plain product over two calls, the second of which adds.
double largest_error(const BlockProduct& product, const Shape& shape) {
  const TestBlock block(shape);
  std::vector<float> want(shape.m * shape.n);
  std::vector<float> got(shape.m * shape.n);
  for (const bool add : {false, true}) {
    BlockArgs args = block.args(want);
    args.add = add;
    kScalar.multiply(args);
    args.c = got.data();
    product.multiply(args);
  }
  if (product.release != nullptr) product.release();
  double worst = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    const double error = std::abs(static_cast<double>(got[i]) - want[i]);
    if (!(error <= worst)) worst = error;  // also takes a NaN
  }
  return worst;
}

// Whether a row's values are the same to the last bit without the other rows. Libraries that pick
// an algorithm by the number of rows break that, and with it the promise that a request's answer
// does not depend on what it is computed with.
bool rows_are_independent(const BlockProduct& product, const Shape& shape) {
  const TestBlock block(shape);
  std::vector<float> together(shape.m * shape.n);
  std::vector<float> alone(shape.n);
  BlockArgs args = block.args(together);
  product.multiply(args);
  bool independent = true;
  for (std::size_t row = 0; row < shape.m; ++row) {
    args.m = 1;
    args.a = block.a.data() + row * kBlockColumns;
    args.c = alone.data();
    product.multiply(args);
    independent &= std::equal(alone.begin(), alone.end(),
                              together.begin() + static_cast<std::ptrdiff_t>(row * shape.n));
  }
  if (product.release != nullptr) product.release();
  return independent;
}

}  // namespace

const BlockProduct& scalar_product() { return kScalar; }

std::string self_test(const BlockProduct& product) {
  try {
    for (const Shape& shape : kTestShapes) {
      const double error = largest_error(product, shape);
      if (!(error < 1e-4)) {
        return fmt::format("{} is off by {} at {} x {} x {}", product.name, error, shape.m, shape.n,
                           shape.k);
      }
      if (!rows_are_independent(product, shape)) {
        return fmt::format("{}: a row depends on the others at {} x {} x {}", product.name, shape.m,
                           shape.n, shape.k);
      }
    }
  } catch (const std::exception& e) {  // libtorch and oneDNN throw
    const std::string text = e.what();
    return fmt::format("{}: {}", product.name, text.substr(0, text.find('\n')));
  }
  return {};
}

}  // namespace onecopy::worker::kernels
