// The block product on Highway. The inner loop holds a tile of C in registers: rows x vectors
// accumulators, one broadcast of A and the vectors of B's row.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "worker/kernels/highway_product.cpp"

#include <algorithm>

#include "worker/kernels/block_product.h"
#include "worker/kernels/highway_targets.h"
#include "worker/kernels/prefetch.h"

#include <hwy/foreach_target.h>
// After foreach_target:
#include <hwy/highway.h>

#include "worker/kernels/row_tiles-inl.h"

HWY_BEFORE_NAMESPACE();
namespace onecopy::worker::kernels::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;
using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;
constexpr std::size_t kLanes = hn::MaxLanes(D());

// A tile of C that fills the registers, beside B's vectors and one of A: 6 x 4 of 32 (12 x 2, 14 x
// 2 and 7 x 4 were slower), 6 x 2 of 16.
constexpr std::size_t kRows = 6;
#if HWY_TARGET <= HWY_AVX3
constexpr std::size_t kVectors = 4;
#else
constexpr std::size_t kVectors = 2;
#endif
constexpr std::size_t kLine = 16;  // floats in a cache line

// B's row: kN vectors, of which the last has `last` lanes where it is partial.
template <std::size_t kN, bool kPartial>
HWY_INLINE V load_vector(const float* row, std::size_t j, std::size_t last) {
  if (kPartial && j + 1 == kN) {
    return hn::MaskedLoad(hn::FirstN(D(), last), D(), row + j * kLanes);
  }
  return hn::LoadU(D(), row + j * kLanes);
}

// sums += A[kM, steps] B[steps, kN vectors].
template <std::size_t kM, std::size_t kN, bool kPartial>
HWY_INLINE void accumulate(V (&sums)[kM][kN], const float* HWY_RESTRICT a, std::size_t lda,
                           const float* HWY_RESTRICT b, std::size_t ldb, std::size_t steps,
                           std::size_t last) {
  for (std::size_t k = 0; k < steps; ++k, b += ldb, ++a) {
    V row[kN];
#pragma GCC unroll 16
    for (std::size_t j = 0; j < kN; ++j) row[j] = load_vector<kN, kPartial>(b, j, last);
#pragma GCC unroll 16
    for (std::size_t i = 0; i < kM; ++i) {
      const V x = hn::Set(D(), a[i * lda]);
#pragma GCC unroll 16
      for (std::size_t j = 0; j < kN; ++j) sums[i][j] = hn::MulAdd(x, row[j], sums[i][j]);
    }
  }
}

// C is read only after the sums: its latency hides behind them.
template <std::size_t kM, std::size_t kN, bool kPartial>
HWY_INLINE void store(const V (&sums)[kM][kN], float* HWY_RESTRICT c, std::size_t ldc, bool add,
                      std::size_t last) {
#pragma GCC unroll 16
  for (std::size_t i = 0; i < kM; ++i) {
    float* out = c + i * ldc;
#pragma GCC unroll 16
    for (std::size_t j = 0; j < kN; ++j) {
      V v = sums[i][j];
      if (add) v = hn::Add(v, load_vector<kN, kPartial>(out, j, last));
      if (kPartial && j + 1 == kN) {
        hn::BlendedStore(v, hn::FirstN(D(), last), D(), out + j * kLanes);
      } else {
        hn::StoreU(v, D(), out + j * kLanes);
      }
    }
  }
}

// The next tile's rows of A into L1, and a share of what the caller reads next into L2. Worth 3 to
// 8 %.
template <std::size_t kM>
HWY_INLINE void fetch(const float* a, std::size_t lda, Prefetch& ahead) {
#pragma GCC unroll 16
  for (std::size_t i = 0; i < kM; ++i) __builtin_prefetch(a + (kM + i) * lda, 0, 3);
  ahead.some();
}

// One tile of C: kM rows and kN vectors of columns.
template <std::size_t kM, std::size_t kN, bool kPartial>
HWY_INLINE void tile(const BlockArgs& args, const float* a, const float* b, float* c,
                     std::size_t last, Prefetch& ahead) {
  V sums[kM][kN];
#pragma GCC unroll 16
  for (std::size_t i = 0; i < kM; ++i) {
#pragma GCC unroll 16
    for (std::size_t j = 0; j < kN; ++j) sums[i][j] = hn::Zero(D());
  }
  for (std::size_t left = args.k; left > 0;) {
    const std::size_t stretch = std::min(left, kBlockColumns);
    std::size_t k = 0;
    for (; k + kLine <= stretch; k += kLine, b += kLine * args.ldb) {
      fetch<kM>(a + k, args.lda, ahead);
      accumulate<kM, kN, kPartial>(sums, a + k, args.lda, b, args.ldb, kLine, last);
    }
    accumulate<kM, kN, kPartial>(sums, a + k, args.lda, b, args.ldb, stretch - k, last);
    a += args.a_block;
    left -= stretch;
  }
  store<kM, kN, kPartial>(sums, c, args.ldc, args.add, last);
}

template <std::size_t kM, std::size_t kN, bool kPartial>
void tile_at(const BlockArgs& args, std::size_t row, std::size_t column, std::size_t last,
             Prefetch& ahead) {
  tile<kM, kN, kPartial>(args, args.a + row * args.lda, args.b + column,
                         args.c + row * args.ldc + column, last, ahead);
}

// All rows of kN vectors of columns from `column`.
template <std::size_t kN, bool kPartial>
void all_rows(const BlockArgs& args, std::size_t column, std::size_t last, Prefetch& ahead) {
  for_row_tiles<kRows>(args.m, [&](auto height, std::size_t row) HWY_ATTR {
    tile_at<decltype(height)::value, kN, kPartial>(args, row, column, last, ahead);
  });
}

// The last columns: at most kVectors vectors, the last of them partial or not.
template <std::size_t kN, bool kPartial>
void last_columns(const BlockArgs& args, std::size_t column, std::size_t vectors, std::size_t last,
                  Prefetch& ahead) {
  if (vectors == kN) return all_rows<kN, kPartial>(args, column, last, ahead);
  if constexpr (kN > 1) last_columns<kN - 1, kPartial>(args, column, vectors, last, ahead);
}

}  // namespace

void multiply(const BlockArgs& args) {
  constexpr std::size_t kStep = kVectors * kLanes;
  const std::size_t tiles = row_tiles(args.m, kRows) * ((args.n + kStep - 1) / kStep);
  const std::size_t steps = tiles * (args.k / kLine);
  Prefetch ahead(args.next, args.next_bytes, steps);
  std::size_t column = 0;
  for (; column + kStep <= args.n; column += kStep) {
    all_rows<kVectors, false>(args, column, 0, ahead);
  }
  const std::size_t left = args.n - column;
  if (left == 0) return;
  if (left % kLanes == 0) {
    last_columns<kVectors, false>(args, column, left / kLanes, 0, ahead);
  } else {
    last_columns<kVectors, true>(args, column, left / kLanes + 1, left % kLanes, ahead);
  }
}

}  // namespace onecopy::worker::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace onecopy::worker::kernels {
namespace {

HWY_EXPORT(multiply);

void dispatched_multiply(const BlockArgs& args) { HWY_DYNAMIC_DISPATCH(multiply)(args); }

constexpr BlockProduct kHighway{"highway", dispatched_multiply, nullptr};

}  // namespace

const BlockProduct& highway_product() { return kHighway; }

}  // namespace onecopy::worker::kernels
#endif  // HWY_ONCE
