// What happens to a block of a product while it is still in the L1 cache.
#pragma once

#include <cstddef>

#include "shared/model_info.h"

namespace onecopy::worker::kernels {

enum class Epilogue {
  kNone,
  kGelu,      // exact: v (0.5 + 0.5 erf(v / sqrt 2)), within 2.5e-7 max(1, |v|)
  kGeluTanh,  // 0.5 v (1 + tanh(sqrt(2 / pi) (v + 0.044715 v^3)))
  kRelu,
};

Epilogue epilogue_of(Activation activation);

// c[i, j] = epilogue(c[i, j] + bias[j]). Rows are `stride` floats apart.
void finish_block(Epilogue epilogue, const float* bias, float* c, std::size_t stride,
                  std::size_t rows, std::size_t columns);

// The same for a product of a lower precision, from its scratch to where the result goes:
//   to[i, j] = epilogue(c[i, j] * scales[j] + bias[j] + lows[i] * sums[j]), or += where add
// GELU's error is up to 3e-4 here, as the result is rounded to fewer bits.
struct ScaledBlock {
  const float* c = nullptr;  // rows of 64 floats one behind the other
  const float* scales = nullptr;
  const float* bias = nullptr;
  const float* lows = nullptr;  // null: 0
  const float* sums = nullptr;
  std::size_t rows = 0;
  std::size_t columns = 0;
  float* to = nullptr;  // may be c, with a stride of 64
  std::size_t stride = 0;
  bool add = false;
};
void finish_scaled(Epilogue epilogue, const ScaledBlock& block);

// Plain twins.
void finish_scaled_scalar(Epilogue epilogue, const ScaledBlock& block);
void finish_block_scalar(Epilogue epilogue, const float* bias, float* c, std::size_t stride,
                         std::size_t rows, std::size_t columns);

}  // namespace onecopy::worker::kernels
