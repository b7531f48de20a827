#include "bench/product_peak.h"

#include <algorithm>
#include <vector>

#include "bench/timing.h"
#include "worker/kernels/aligned_buffer.h"
#include "worker/kernels/back_ends.h"
#include "worker/kernels/i16_product.h"

namespace onecopy::bench {
namespace {

namespace kernels = worker::kernels;

constexpr std::size_t kRows = 96;  // of f32
constexpr std::size_t kMostRows = 128;
constexpr std::size_t kRounds = 200;

// Memory of one thread: [rows, depth] activations, a piece of a panel, a block of the result.
struct Block {
  explicit Block(std::size_t depth)
      : a(memory_a.reserve(kMostRows * depth)),
        b(memory_b.reserve(depth * kPanelWidth)),
        c(memory_c.reserve(kMostRows * kPanelWidth)),
        scales(kMostRows, 1) {
    std::fill_n(a, kMostRows * depth, 0.0F);
    std::fill_n(b, depth * kPanelWidth, 0.0F);
    std::fill_n(c, kMostRows * kPanelWidth, 0.0F);
  }
  kernels::AlignedBuffer memory_a, memory_b, memory_c;
  float *a, *b, *c;
  std::vector<float> scales;
};

// As the encoder asks for it: the whole depth of a hidden layer where one call takes that.
std::size_t depth_of(Precision precision) {
  constexpr std::size_t kDepth = 768;
  const kernels::BackEnds& back_ends = kernels::default_back_ends();
  if (precision == Precision::kInt8) {
    return std::min(kDepth, back_ends.int8->most_blocks * kS8BlockRows);
  }
  const bool widened = back_ends.bf16 == nullptr;
  return precision == Precision::kBf16 && !widened ? kDepth : kernels::kProductDepth;
}

std::size_t rows_of(Precision precision) {
  const kernels::BackEnds& back_ends = kernels::default_back_ends();
  if (precision == Precision::kInt8) return back_ends.int8->row_block;
  const bool widened = back_ends.bf16 == nullptr;
  return precision == Precision::kBf16 && !widened ? back_ends.bf16->row_block : kRows;
}

void multiply(Precision precision, Block& block) {
  const kernels::BackEnds& back_ends = kernels::default_back_ends();
  const std::size_t depth = depth_of(precision);
  const std::size_t rows = rows_of(precision);
  if (precision == Precision::kInt8) {
    back_ends.int8->multiply({.m = rows,
                              .blocks = depth / kS8BlockRows,
                              .a = reinterpret_cast<const std::uint8_t*>(block.a),
                              .lda = kernels::kBlockColumns,
                              .a_block = rows * kernels::kBlockColumns,
                              .b = reinterpret_cast<const std::int8_t*>(block.b),
                              .b_strip = strip_bytes(DType::kS8, depth),
                              .scales = block.scales.data(),
                              .c = block.c});
  } else if (precision == Precision::kBf16 && back_ends.bf16 != nullptr) {
    back_ends.bf16->multiply({.m = rows,
                              .n = kPanelWidth,
                              .k = depth,
                              .a = reinterpret_cast<const std::uint16_t*>(block.a),
                              .lda = kernels::kBf16Depth,
                              .a_block = rows * kernels::kBf16Depth,
                              .b = reinterpret_cast<const std::uint16_t*>(block.b),
                              .b_strip = strip_bytes(DType::kBf16, depth) / sizeof(std::uint16_t),
                              .c = block.c,
                              .ldc = kPanelWidth});
  } else {
    back_ends.f32->multiply({.m = kRows,
                             .n = kPanelWidth,
                             .k = depth,
                             .a = block.a,
                             .lda = kernels::kBlockColumns,
                             .a_block = kRows * kernels::kBlockColumns,
                             .b = block.b,
                             .ldb = kPanelWidth,
                             .c = block.c,
                             .ldc = kPanelWidth});
  }
}

constexpr std::size_t kAttentionRows = 48;

void multiply_i16(Block& block) {
  kernels::multiply_i16({.m = kAttentionRows,
                         .n = kPanelWidth,
                         .k = kernels::kI16Depth,
                         .a = reinterpret_cast<const std::int16_t*>(block.a),
                         .lda = kernels::kI16Depth,
                         .b = reinterpret_cast<const std::int16_t*>(block.b),
                         .c = block.c,
                         .ldc = kPanelWidth});
}

// Queries with keys, of heads of 64.
constexpr std::size_t kTileQueries = 32;
constexpr std::size_t kHeadSize = 64;

void multiply_attention_bf16(Block& block) {
  kernels::default_back_ends().attention->multiply(
      {.m = kTileQueries,
       .n = kPanelWidth,
       .k = kHeadSize,
       .a = reinterpret_cast<const std::uint16_t*>(block.a),
       .lda = kHeadSize,
       .b = reinterpret_cast<const std::uint16_t*>(block.b),
       .b_strip = kHeadSize * kStripWidth,
       .c = block.c,
       .ldc = kPanelWidth});
}

// `flop`: of one call of body(block).
template <class Body>
double peak(std::size_t depth, double flop, kernels::ThreadPool& pool, const Body& body) {
  std::vector<Block> blocks;
  for (unsigned i = 0; i < pool.threads(); ++i) blocks.emplace_back(depth);
  std::vector<double> times(pool.threads());
  const kernels::ThreadPool::Pass pass(pool);
  pool.run(pool.threads(), [&](std::size_t i, unsigned) {
    times[i] = milliseconds([&] {
      for (std::size_t round = 0; round < kRounds; ++round) body(blocks[i]);
    });
  });
  double total = 0;
  for (const double time : times) total += flop * kRounds / time / 1e6;
  return total;
}

}  // namespace

double product_peak(Precision precision, kernels::ThreadPool& pool) {
  const std::size_t depth = depth_of(precision);
  const std::size_t flop = 2 * rows_of(precision) * kPanelWidth * depth;
  return peak(depth, static_cast<double>(flop), pool,
              [&](Block& block) { multiply(precision, block); });
}

double attention_peak(Precision precision, kernels::ThreadPool& pool) {
  if (precision == Precision::kF32) return product_peak(precision, pool);
  if (kernels::default_back_ends().attention != nullptr) {
    return peak(kHeadSize, 2.0 * kTileQueries * kPanelWidth * kHeadSize, pool,
                multiply_attention_bf16);
  }
  return peak(kernels::kI16Depth, 2.0 * kAttentionRows * kPanelWidth * kernels::kI16Depth, pool,
              multiply_i16);
}

}  // namespace onecopy::bench
