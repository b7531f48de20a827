// What follows the sums of a block in amx_product.cpp, a few rows at a time.
#pragma once

#include "worker/kernels/epilogue.h"

HWY_BEFORE_NAMESPACE();
namespace onecopy::worker::kernels::HWY_NAMESPACE {
namespace {

// Sums of up to 32 rows and two strips that wait.
struct Pending {
  // The next rows of it, at most so many; null: nothing waits.
  void (*run)(Pending& pending, std::size_t rows) = nullptr;
  const float* sums = nullptr;  // [32][32], integers where there are scales
  std::size_t rows = 0;         // that are left
  // int8: where the sums start, and each row's scale.
  const std::int32_t* starts = nullptr;
  const float* scales = nullptr;
  // The sums of other stretches, and where the result goes without `finish`.
  float* c = nullptr;
  std::size_t stride = 0;
  const Finish* finish = nullptr;
  std::size_t row = 0, column = 0;  // of C
};

HWY_INLINE void run_pending(Pending& pending, std::size_t rows) {
  rows = std::min(rows, pending.rows);
  if (rows > 0) pending.run(pending, rows);
}

constexpr std::size_t kVectors = kColumns / kStripWidth;
static_assert(kColumns == kTileColumns, "a block of sums is one half of a block of bf16");

// ---- Where values come from: value(row, vector) of the rows from 0 on.

struct Bf16Sums {
  HWY_INLINE explicit Bf16Sums(const Pending& pending) : sums(pending.sums) {}
  HWY_INLINE V value(std::size_t row, std::size_t j) const {
    return hn::Load(D(), sums + row * kColumns + j * kStripWidth);
  }
  const float* sums;
};

// Of all of k: with one scale for each row, and signed activations or not.
struct Int8Sums {
  HWY_INLINE explicit Int8Sums(const Pending& pending)
      : sums(pending.sums), scales(pending.scales) {
    for (std::size_t j = 0; j < kVectors; ++j) {
      starts[j] = hn::Load(DI(), pending.starts + j * kStripWidth);
    }
  }
  HWY_INLINE V value(std::size_t row, std::size_t j) const {
    const V bits = hn::Load(D(), sums + row * kColumns + j * kStripWidth);
    return hn::Mul(hn::ConvertTo(D(), hn::Add(hn::BitCast(DI(), bits), starts[j])),
                   hn::Set(D(), scales[row]));
  }
  const float* sums;
  const float* scales;
  VI starts[kVectors];
};

// The last of several stretches of k: the others' sums are in C.
struct MoreInt8Sums : Int8Sums {
  HWY_INLINE explicit MoreInt8Sums(const Pending& pending)
      : Int8Sums(pending), c(pending.c), stride(pending.stride) {}
  HWY_INLINE V value(std::size_t row, std::size_t j) const {
    return hn::Add(Int8Sums::value(row, j), hn::LoadU(D(), c + row * stride + j * kStripWidth));
  }
  const float* c;
  std::size_t stride;
};

// ---- Where they go.

struct ToFloats {
  static HWY_INLINE std::size_t place(const Finish&, std::size_t column) { return column; }
  static HWY_INLINE void store(V v, const Finish& finish, std::size_t at) {
    hn::StoreU(v, D(), finish.to + at);
  }
};
struct AddToFloats : ToFloats {
  static HWY_INLINE void store(V v, const Finish& finish, std::size_t at) {
    hn::StoreU(hn::Add(v, hn::LoadU(D(), finish.to + at)), D(), finish.to + at);
  }
};
struct ToBf16 {
  static HWY_INLINE std::size_t place(const Finish& finish, std::size_t column) {
    return column / kTileColumns * finish.half;
  }
  static HWY_INLINE void store(V v, const Finish& finish, std::size_t at) {
    __m256i bits;  // not the intrinsic: Highway 1.0 does not let the compiler use it
    asm("vcvtneps2bf16 %1, %0" : "=v"(bits) : "v"(v.raw));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(finish.to_bf16 + at), bits);
  }
};

HWY_INLINE void advance(Pending& pending, std::size_t rows) {
  pending.rows -= rows;
  pending.row += rows;
  pending.sums += rows * kColumns;
  pending.c += rows * pending.stride;
  pending.scales += rows;
}

template <class Sums>
void keep_rows(Pending& pending, std::size_t rows) {
  const Sums sums(pending);
  for (std::size_t row = 0; row < rows; ++row) {
    for (std::size_t j = 0; j < kVectors; ++j) {
      hn::StoreU(sums.value(row, j), D(), pending.c + row * pending.stride + j * kStripWidth);
    }
  }
  advance(pending, rows);
}

template <class Sums, class To, Epilogue kEpilogue>
void finish_rows(Pending& pending, std::size_t rows) {
  const Finish& finish = *pending.finish;
  const Sums sums(pending);
  V scales[kVectors];
  V bias[kVectors];
  V column_sums[kVectors];
  for (std::size_t j = 0; j < kVectors; ++j) {
    const std::size_t column = pending.column + j * kStripWidth;
    scales[j] = hn::LoadU(D(), finish.scales + column);
    bias[j] = hn::LoadU(D(), finish.bias + column);
    if (finish.lows != nullptr) column_sums[j] = hn::LoadU(D(), finish.sums + column);
  }
  for (std::size_t row = 0; row < rows; ++row) {
    const std::size_t at = (pending.row + row) * finish.stride + To::place(finish, pending.column);
    for (std::size_t j = 0; j < kVectors; ++j) {
      V v = hn::MulAdd(sums.value(row, j), scales[j], bias[j]);
      if (finish.lows != nullptr) {
        v = hn::MulAdd(hn::Set(D(), finish.lows[pending.row + row]), column_sums[j], v);
      }
      v = HWY_NAMESPACE::finish<kEpilogue, true>(D(), v);
      To::store(v, finish, at + j * kStripWidth);
    }
  }
  advance(pending, rows);
}

using Run = void (*)(Pending&, std::size_t);

template <class Sums, class To>
Run run_with(Epilogue epilogue) {
  switch (epilogue) {
    case Epilogue::kNone:
      break;
    case Epilogue::kGelu:
      return finish_rows<Sums, To, Epilogue::kGelu>;
    case Epilogue::kGeluTanh:
      return finish_rows<Sums, To, Epilogue::kGeluTanh>;
    case Epilogue::kRelu:
      return finish_rows<Sums, To, Epilogue::kRelu>;
  }
  return finish_rows<Sums, To, Epilogue::kNone>;
}

// Null: the sums stay in C.
template <class Sums>
Run run_for(const Finish* finish) {
  if (finish == nullptr) return keep_rows<Sums>;
  if (finish->to_bf16 != nullptr) return run_with<Sums, ToBf16>(finish->epilogue);
  if (finish->add) return run_with<Sums, AddToFloats>(finish->epilogue);
  return run_with<Sums, ToFloats>(finish->epilogue);
}

}  // namespace
}  // namespace onecopy::worker::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
