#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "worker/kernels/epilogue.cpp"

#include "worker/kernels/epilogue.h"

#include <cmath>

#include "worker/kernels/highway_targets.h"

#include <hwy/foreach_target.h>
// After foreach_target:
#include <hwy/highway.h>

#include "shared/base/bf16.h"
#include "worker/kernels/activations.h"
#include "worker/kernels/finish-inl.h"
#include "worker/kernels/round-inl.h"
#include "worker/kernels/vector_loop-inl.h"

HWY_BEFORE_NAMESPACE();
namespace onecopy::worker::kernels::HWY_NAMESPACE {
namespace {

template <Epilogue kEpilogue>
void finish_rows(const float* HWY_RESTRICT bias, float* HWY_RESTRICT c, std::size_t stride,
                 std::size_t rows, std::size_t columns) {
  for (std::size_t i = 0; i < rows; ++i, c += stride) {
    for_vectors(columns, [&](std::size_t j, auto part) HWY_ATTR {
      const V v = hn::Add(part.load(c + j), part.load(bias + j));
      part.store(finish<kEpilogue>(D(), v), c + j);
    });
  }
}

template <Epilogue kEpilogue>
void finish_scaled_rows(const float* c, std::size_t rows, const Finish& block) {
  const float* HWY_RESTRICT scales = block.scales;
  const float* HWY_RESTRICT bias = block.bias;
  const float* HWY_RESTRICT sums = block.lows == nullptr ? bias : block.sums;
  float rounded[kBlockColumns];
  for (std::size_t i = 0; i < rows; ++i, c += kBlockColumns) {
    float* to = block.to_bf16 != nullptr ? rounded : block.to + i * block.stride;
    const V low = hn::Set(D(), block.lows == nullptr ? 0 : block.lows[i]);
    for_vectors(block.columns, [&](std::size_t j, auto part) HWY_ATTR {
      V v = hn::MulAdd(part.load(c + j), part.load(scales + j), part.load(bias + j));
      v = hn::MulAdd(low, part.load(sums + j), v);
      v = finish<kEpilogue, true>(D(), v);
      if (block.add) v = hn::Add(v, part.load(to + j));
      part.store(v, to + j);
    });
    if (block.to_bf16 != nullptr) {
      round_block(rounded, block.columns, block.to_bf16 + i * block.stride, block.half);
    }
  }
}

}  // namespace

void finish_scaled(const float* c, std::size_t rows, const Finish& block) {
  switch (block.epilogue) {
    case Epilogue::kNone:
      return finish_scaled_rows<Epilogue::kNone>(c, rows, block);
    case Epilogue::kGelu:
      return finish_scaled_rows<Epilogue::kGelu>(c, rows, block);
    case Epilogue::kGeluTanh:
      return finish_scaled_rows<Epilogue::kGeluTanh>(c, rows, block);
    case Epilogue::kRelu:
      return finish_scaled_rows<Epilogue::kRelu>(c, rows, block);
  }
}

void finish_block(Epilogue epilogue, const float* bias, float* c, std::size_t stride,
                  std::size_t rows, std::size_t columns) {
  switch (epilogue) {
    case Epilogue::kNone:
      return finish_rows<Epilogue::kNone>(bias, c, stride, rows, columns);
    case Epilogue::kGelu:
      return finish_rows<Epilogue::kGelu>(bias, c, stride, rows, columns);
    case Epilogue::kGeluTanh:
      return finish_rows<Epilogue::kGeluTanh>(bias, c, stride, rows, columns);
    case Epilogue::kRelu:
      return finish_rows<Epilogue::kRelu>(bias, c, stride, rows, columns);
  }
}

}  // namespace onecopy::worker::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace onecopy::worker::kernels {
namespace {

HWY_EXPORT(finish_block);
HWY_EXPORT(finish_scaled);

float finish_scalar(Epilogue epilogue, float v) {
  switch (epilogue) {
    case Epilogue::kNone:
      return v;
    case Epilogue::kGelu:
      return static_cast<float>(0.5 * v * (1 + std::erf(v / std::sqrt(2.0))));
    case Epilogue::kGeluTanh: {
      const double u = std::sqrt(2 / M_PI) * (v + 0.044715 * v * v * v);
      return static_cast<float>(0.5 * v * (1 + std::tanh(u)));
    }
    case Epilogue::kRelu:
      return v < 0 ? 0 : v;  // a NaN stays one
  }
  return v;
}

}  // namespace

void finish_block(Epilogue epilogue, const float* bias, float* c, std::size_t stride,
                  std::size_t rows, std::size_t columns) {
  HWY_DYNAMIC_DISPATCH(finish_block)(epilogue, bias, c, stride, rows, columns);
}

void finish_block_scalar(Epilogue epilogue, const float* bias, float* c, std::size_t stride,
                         std::size_t rows, std::size_t columns) {
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t j = 0; j < columns; ++j) {
      float& v = c[i * stride + j];
      v = finish_scalar(epilogue, v + bias[j]);
    }
  }
}

void finish_scaled(const float* c, std::size_t rows, const Finish& finish) {
  HWY_DYNAMIC_DISPATCH(finish_scaled)(c, rows, finish);
}

void finish_scaled_scalar(const float* c, std::size_t rows, const Finish& finish) {
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t j = 0; j < kBlockColumns; ++j) {
      float v = 0;
      if (j < finish.columns) {
        v = c[i * kBlockColumns + j] * finish.scales[j] + finish.bias[j];
        if (finish.lows != nullptr) v += finish.lows[i] * finish.sums[j];
        v = finish_scalar(finish.epilogue, v);
      }
      if (finish.to_bf16 != nullptr) {
        const std::size_t at = j / kTileColumns * finish.half + j % kTileColumns;
        finish.to_bf16[i * finish.stride + at] = narrow_bf16(v);
      } else if (j < finish.columns) {
        float& to = finish.to[i * finish.stride + j];
        to = v + (finish.add ? to : 0);
      }
    }
  }
}

}  // namespace onecopy::worker::kernels
#endif  // HWY_ONCE
