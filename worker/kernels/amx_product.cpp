// Products on AMX. A block of 32 x 32 results is four tiles, which stay in registers over all of k;
// two strips of B (32 columns) are used for all rows before the next two, from the L1 cache. What
// follows the sums, be it a scale or all of an epilogue, is computed by the vector units between
// the steps of the next block's products.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "worker/kernels/amx_product.cpp"

#include "worker/kernels/amx_product.h"

#include <algorithm>

#include "shared/segment/packed_weight.h"
#include "worker/kernels/amx_support.h"
#include "worker/kernels/highway_vnni_targets.h"
#include "worker/kernels/int8_starts.h"
#include "worker/kernels/prefetch.h"

#include <hwy/foreach_target.h>
// After foreach_target:
#include <hwy/highway.h>

#include "worker/kernels/finish-inl.h"
#include "worker/kernels/round-inl.h"
#if HWY_TARGET == HWY_AVX3_DL
#include "worker/kernels/amx_tiles-inl.h"
// After amx_tiles-inl.h:
#include "worker/kernels/amx_finish-inl.h"
#endif

HWY_BEFORE_NAMESPACE();
namespace onecopy::worker::kernels::HWY_NAMESPACE {

#if HWY_TARGET == HWY_AVX3_DL
namespace {

// One call's work on a panel: blocks of sums in turns in two places, so that one is finished while
// the other is computed.
struct Job {
  PrefetchInTurns ahead;
  Pending pending;
  std::size_t turn = 0;
  alignas(64) float blocks[2][kRows * kColumns];

  template <int kM>
  HWY_INLINE float* store() {
    float* const block = blocks[turn];
    turn ^= 1;
    store_sums<kM, 2>(block, kColumns * sizeof(float));
    return block;
  }
  void end() { run_pending(pending, kRows); }
};

std::size_t row_blocks_of(std::size_t m) { return (m + kRows - 1) / kRows; }

// body(kM, row, rows) for each block of 32 rows.
template <class Body>
HWY_INLINE void for_row_blocks(std::size_t m, const Body& body) {
  for (std::size_t row = 0; row < m; row += kRows) {
    const std::size_t rows = std::min(kRows, m - row);
    if (rows > kTileRows) {
      body(std::integral_constant<int, 2>(), row, rows);
    } else {
      body(std::integral_constant<int, 1>(), row, rows);
    }
  }
}

// Where the sums of a block of 32 columns wait for the next depth: C itself, or, where that is only
// scratch, blocks of 32 columns one behind the other, so that they use all sets of the L1 cache.
struct Place {
  float* c;
  std::size_t stride;
};
Place place_of(float* c, std::size_t m, std::size_t column, const Finish* finish) {
  if (finish == nullptr) return {c + column, kPanelWidth};
  return {c + m * column, kColumns};
}

// ---- int8

// Blocks [first, first + count), which share a scale, of two strips for all rows.
void multiply_int8_stretch(const Int8Args& args, const Starts& starts, std::size_t first,
                           std::size_t count, std::size_t column, Job& job) {
  const std::size_t stretch = first / args.together;
  const float* const scales = args.scales + stretch * args.next_scales;
  const std::int8_t* const from = args.b + column / kStripWidth * args.b_strip + first * kTileBytes;
  const Place place = place_of(args.c, args.m, column, args.finish);
  const Finish* const finish = first + count == args.blocks ? args.finish : nullptr;
  const bool add = args.add || first > 0;
  const Run run = add ? run_for<MoreInt8Sums>(finish) : run_for<Int8Sums>(finish);
  const std::size_t rows_a_step = (kRows + count - 1) / count;
  for_row_blocks(args.m, [&](auto height, std::size_t row, std::size_t rows) HWY_ATTR {
    constexpr int kM = decltype(height)::value;
    const std::uint8_t* a = args.a + first * args.a_block + row * args.lda;
    const auto* b = reinterpret_cast<const std::uint8_t*>(from);
    zero_sums<kM, 2>();
    for (std::size_t i = 0; i < count; ++i, a += args.a_block, b += kTileBytes) {
      multiply_tiles<S8, kM, 2>(a, args.lda, b, args.b_strip);
      job.ahead.some();
      run_pending(job.pending, rows_a_step);
    }
    run_pending(job.pending, kRows);
    job.pending = {.run = run,
                   .sums = job.store<kM>(),
                   .rows = rows,
                   .starts = starts.sums + stretch * starts.next + column,
                   .scales = scales + row,
                   .c = place.c + row * place.stride,
                   .stride = place.stride,
                   .finish = finish,
                   .row = row,
                   .column = column};
  });
}

// ---- bf16

template <int kM, int kN>
HWY_INLINE void multiply_depth(const Bf16Args& args, std::size_t row, std::size_t column,
                               Job* job) {
  const std::size_t lda = args.lda * sizeof(std::uint16_t);
  const std::size_t strip = args.b_strip * sizeof(std::uint16_t);
  const auto* b =
      reinterpret_cast<const std::uint8_t*>(args.b + column / kStripWidth * args.b_strip);
  const std::size_t steps = (args.k + kBf16Depth - 1) / kBf16Depth;
  const std::size_t rows_a_step = (kRows + steps - 1) / steps;
  for (std::size_t k = 0; k < args.k; k += kBf16Depth, b += kTileBytes) {
    const std::uint16_t* a = args.a + k / kBf16Depth * args.a_block + row * args.lda;
    multiply_tiles<Bf16, kM, kN>(reinterpret_cast<const std::uint8_t*>(a), lda, b, strip);
    if (job == nullptr) continue;
    job->ahead.some();
    run_pending(job->pending, rows_a_step);
  }
}

void copy_rows(const float* from, std::size_t from_stride, float* to, std::size_t to_stride,
               std::size_t rows, std::size_t columns) {
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t j = 0; j < columns; j += kStripWidth) {
      hn::StoreU(hn::LoadU(D(), from + r * from_stride + j), D(), to + r * to_stride + j);
    }
  }
}

// `rows` rows from `row` on, at most 16 kM, and kN strips from `column` on, straight to C.
template <int kM, int kN>
void multiply_bf16_block(const Bf16Args& args, std::size_t row, std::size_t rows,
                         std::size_t column) {
  float* const c = args.c + row * args.ldc + column;
  const bool whole = rows == kM * kTileRows;
  alignas(64) float block[kRows * kColumns];
  float* const sums = whole ? c : block;
  const std::size_t stride = whole ? args.ldc : kColumns;
  if (args.add) {
    if (!whole) copy_rows(c, args.ldc, block, kColumns, rows, kN * kStripWidth);
    load_sums<kM, kN>(sums, stride * sizeof(float));
  } else {
    zero_sums<kM, kN>();
  }
  multiply_depth<kM, kN>(args, row, column, nullptr);
  store_sums<kM, kN>(sums, stride * sizeof(float));
  if (!whole) copy_rows(block, kColumns, c, args.ldc, rows, kN * kStripWidth);
}

template <int kN>
void multiply_bf16_strips(const Bf16Args& args, std::size_t column) {
  for_row_blocks(args.m, [&](auto height, std::size_t row, std::size_t rows) HWY_ATTR {
    multiply_bf16_block<decltype(height)::value, kN>(args, row, rows, column);
  });
}

// A whole panel, to be finished.
void multiply_bf16_panel(const Bf16Args& args) {
  const std::size_t steps = 2 * row_blocks_of(args.m) * ((args.k + kBf16Depth - 1) / kBf16Depth);
  const Run run = run_for<Bf16Sums>(args.finish);
  Job job{.ahead = {args.next, args.next_bytes, steps}};
  for (std::size_t column = 0; column < kPanelWidth; column += kColumns) {
    for_row_blocks(args.m, [&](auto height, std::size_t row, std::size_t rows) HWY_ATTR {
      constexpr int kM = decltype(height)::value;
      zero_sums<kM, 2>();
      multiply_depth<kM, 2>(args, row, column, &job);
      run_pending(job.pending, kRows);
      job.pending = {.run = run,
                     .sums = job.store<kM>(),
                     .rows = rows,
                     .finish = args.finish,
                     .row = row,
                     .column = column};
    });
  }
  job.end();
}

}  // namespace

constexpr std::size_t kMostBlocks = 64;

// Of a panel that is not whole the last columns are finished by the general code.
void multiply_amx_bf16(const Bf16Args& args) {
  prepare_tiles();
  if (args.finish != nullptr && args.finish->columns == kPanelWidth) {
    return multiply_bf16_panel(args);
  }
  std::size_t column = 0;
  for (; column + kStripWidth < args.n; column += kColumns) multiply_bf16_strips<2>(args, column);
  if (column < args.n) multiply_bf16_strips<1>(args, column);
  if (args.finish != nullptr) finish_scaled(args.c, args.m, *args.finish);
}

void multiply_amx_int8(const Int8Args& args) {
  if (args.finish != nullptr && args.finish->columns != kPanelWidth) {
    Int8Args sums = args;
    sums.finish = nullptr;
    multiply_amx_int8(sums);
    return finish_scaled(args.c, args.m, *args.finish);
  }
  prepare_tiles();
  alignas(64) std::int32_t memory[kMostBlocks * kPanelWidth];
  const Starts starts = starts_of(args, memory);
  const std::size_t steps = 2 * row_blocks_of(args.m) * args.blocks;
  Job job{.ahead = {args.next, args.next_bytes, steps}};
  for (std::size_t column = 0; column < kPanelWidth; column += kColumns) {
    for (std::size_t first = 0; first < args.blocks;) {
      const std::size_t count = std::min(args.together, args.blocks - first);
      multiply_int8_stretch(args, starts, first, count, column, job);
      first += count;
    }
  }
  job.end();
}

void release_amx() { release_tiles(); }

#else

// Never chosen (amx_support.h), but compiled for every target.
void multiply_amx_bf16(const Bf16Args& args) { scalar_bf16_product().multiply(args); }
void multiply_amx_int8(const Int8Args& args) { scalar_int8_product().multiply(args); }
void release_amx() {}

#endif

}  // namespace onecopy::worker::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace onecopy::worker::kernels {
namespace {

HWY_EXPORT(multiply_amx_bf16);
HWY_EXPORT(multiply_amx_int8);
HWY_EXPORT(release_amx);

void dispatched_bf16(const Bf16Args& args) { HWY_DYNAMIC_DISPATCH(multiply_amx_bf16)(args); }
void dispatched_int8(const Int8Args& args) { HWY_DYNAMIC_DISPATCH(multiply_amx_int8)(args); }
void dispatched_release() { HWY_DYNAMIC_DISPATCH(release_amx)(); }

constexpr Bf16Product kAmxBf16{"amx", dispatched_bf16, dispatched_release, 32, 128};
constexpr Int8Product kAmxInt8{"amx", dispatched_int8, dispatched_release, 32, 128, 64};

}  // namespace

const Bf16Product* amx_bf16_product() { return has_amx() ? &kAmxBf16 : nullptr; }
const Int8Product* amx_int8_product() { return has_amx() ? &kAmxInt8 : nullptr; }

}  // namespace onecopy::worker::kernels
#endif  // HWY_ONCE
