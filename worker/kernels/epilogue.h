// What happens to a block of a product while it is still in the L1 cache.
#pragma once

#include <cstddef>
#include <cstdint>

namespace onecopy::worker::kernels {

enum class Epilogue {
  kNone,
  kGelu,      // exact: v (0.5 + 0.5 erf(v / sqrt 2)), within 2.5e-7 max(1, |v|)
  kGeluTanh,  // 0.5 v (1 + tanh(sqrt(2 / pi) (v + 0.044715 v^3)))
  kRelu,
};

// c[i, j] = epilogue(c[i, j] + bias[j]). Rows are `stride` floats apart.
void finish_block(Epilogue epilogue, const float* bias, float* c, std::size_t stride,
                  std::size_t rows, std::size_t columns);

// What becomes of a product of lower precision, whose sums lack the weight's scales:
//   to[i, j] = epilogue(c[i, j] * scales[j] + bias[j] + lows[i] * sums[j]), or += where add
// GELU's error is up to 3e-4 here, as the result is rounded to fewer bits.
struct Finish {
  Epilogue epilogue = Epilogue::kNone;
  const float* scales = nullptr;
  const float* bias = nullptr;
  const float* lows = nullptr;  // null: 0
  const float* sums = nullptr;
  std::size_t columns = 0;
  // One of the two, rows `stride` elements apart. A row of bf16 is filled up with zeros to 64, and
  // its columns from the 32nd on begin at to_bf16 + half.
  float* to = nullptr;  // may be c, with a stride of 64
  std::uint16_t* to_bf16 = nullptr;
  std::size_t half = 32;
  std::size_t stride = 0;
  bool add = false;  // f32 only
};
// c: `rows` rows of 64 floats one behind the other.
void finish_scaled(const float* c, std::size_t rows, const Finish& finish);

// Plain twins.
void finish_scaled_scalar(const float* c, std::size_t rows, const Finish& finish);
void finish_block_scalar(Epilogue epilogue, const float* bias, float* c, std::size_t stride,
                         std::size_t rows, std::size_t columns);

}  // namespace onecopy::worker::kernels
