#include "host/publish/pack.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <span>

#include "shared/base/bf16.h"

namespace onecopy::host {
namespace {

// In all types a panel is 32-bit words, [words of a row][64] or four strips of [words][16], each
// with 1, 2 or 4 elements of one row of the source. So a panel is made tile by tile: one cache line
// of packed elements of each of the 64 rows is transposed. Whole lines, because rows are often a
// multiple of 4 KB apart, so that their lines push each other out of the cache before they are used
// again.
constexpr std::size_t kWord = 4;
constexpr std::size_t kTileWords = 16;
constexpr std::size_t kTileRow = kTileWords * kWord;
constexpr std::size_t kPanelRow = kPanelWidth * kWord;

// Where the words of a tile go: `row` bytes from a word to the next of the same column, `strip`
// from a column to the one 16 further.
struct Place {
  std::size_t row, strip;
  std::size_t at(std::size_t word, std::size_t n) const {
    return word * row + n / kStripWidth * strip + n % kStripWidth * kWord;
  }
};
constexpr Place kF32Place{.row = kPanelRow, .strip = kStripWidth * kWord};
constexpr Place strips_of(DType dtype, std::size_t cols) {
  return {kStripWidth * kWord, strip_bytes(dtype, cols)};
}

struct alignas(kTileRow) Tile {
  std::array<std::byte, kPanelWidth * kTileRow> bytes{};
};

// Four words in a register: the compiler's own vectors, as a transposition waits for memory and
// gains nothing from wider ones.
using Four = std::uint32_t __attribute__((vector_size(16)));

Four load(const std::byte* from) {
  Four four;
  std::memcpy(&four, from, sizeof(four));
  return four;
}

void store(const Four& four, std::byte* to) { std::memcpy(to, &four, sizeof(four)); }

// 4 rows of 4 words, `stride` bytes apart, to 4 rows `to_stride` apart.
void transpose_4x4(const std::byte* from, std::size_t stride, std::byte* to,
                   std::size_t to_stride) {
  const Four r0 = load(from);
  const Four r1 = load(from + stride);
  const Four r2 = load(from + 2 * stride);
  const Four r3 = load(from + 3 * stride);
  const Four low01 = __builtin_shufflevector(r0, r1, 0, 4, 1, 5);
  const Four low23 = __builtin_shufflevector(r2, r3, 0, 4, 1, 5);
  const Four high01 = __builtin_shufflevector(r0, r1, 2, 6, 3, 7);
  const Four high23 = __builtin_shufflevector(r2, r3, 2, 6, 3, 7);
  store(__builtin_shufflevector(low01, low23, 0, 1, 4, 5), to);
  store(__builtin_shufflevector(low01, low23, 2, 3, 6, 7), to + to_stride);
  store(__builtin_shufflevector(high01, high23, 0, 1, 4, 5), to + 2 * to_stride);
  store(__builtin_shufflevector(high01, high23, 2, 3, 6, 7), to + 3 * to_stride);
}

// A whole tile: 64 rows of a cache line, `stride` bytes apart.
void transpose(const std::byte* from, std::size_t stride, std::byte* to, const Place& place) {
  for (std::size_t n = 0; n < kPanelWidth; n += 4) {
    for (std::size_t word = 0; word < kTileWords; word += 4)
      transpose_4x4(from + n * stride + word * kWord, stride, to + place.at(word, n), place.row);
  }
}

void pack_f32(const float* source, std::size_t rows, std::size_t cols, std::byte* panel) {
  for (std::size_t k = 0; k < cols; k += kTileWords) {
    const std::size_t count = std::min(kTileWords, cols - k);
    if (rows == kPanelWidth && count == kTileWords) {
      transpose(std::as_bytes(std::span(source + k, count)).data(), cols * kWord,
                panel + k * kPanelRow, kF32Place);
      continue;
    }
    Tile tile;
    for (std::size_t n = 0; n < rows; ++n)
      std::memcpy(tile.bytes.data() + n * kTileRow, source + n * cols + k, count * kWord);
    std::array<std::byte, kTileWords * kPanelRow> whole;
    transpose(tile.bytes.data(), kTileRow, whole.data(), kF32Place);
    std::memcpy(panel + k * kPanelRow, whole.data(), count * kPanelRow);
  }
}

// A row's next elements: zeros behind its last.
template <std::size_t kElements>
const float* padded(const float* from, std::size_t count, std::array<float, kElements>& memory) {
  if (count == kElements) return from;
  memory = {};
  std::copy_n(from, count, memory.data());
  return memory.data();
}

void pack_bf16(const float* source, std::size_t rows, std::size_t cols, std::byte* panel) {
  constexpr std::size_t kElements = kTileWords * 2;
  std::array<float, kElements> memory;
  std::array<std::uint16_t, kElements> row;
  const Place place = strips_of(DType::kBf16, cols);
  for (std::size_t k = 0; k < row_blocks(cols) * kS8BlockRows; k += kElements) {
    Tile tile;
    const std::size_t from = std::min(k, cols);
    const std::size_t count = std::min(kElements, cols - from);
    for (std::size_t n = 0; n < rows; ++n) {
      const float* values = padded(source + n * cols + from, count, memory);
      for (std::size_t i = 0; i < kElements; ++i) row[i] = narrow_bf16(values[i]);
      std::memcpy(tile.bytes.data() + n * kTileRow, row.data(), kTileRow);
    }
    transpose(tile.bytes.data(), kTileRow, panel + place.at(k / 2, 0), place);
  }
}

// Adding 1.5 x 2^23 leaves no bits behind the point, so the addition rounds to the nearest whole
// number, to the even one where two are as near; the sum's low bits are that number. Unlike
// std::nearbyint that vectorizes on every machine.
constexpr float kRounder = 12'582'912.0F;

// One row's part of a block; returns its sum. A quotient is beyond 127 only where a subnormal scale
// was itself rounded.
std::int16_t quantize(const float* values, float scale, std::byte* to) {
  std::array<std::int8_t, kS8BlockRows> row;
  std::int32_t sum = 0;
  for (std::size_t i = 0; i < kS8BlockRows; ++i) {
    const std::int32_t rounded = std::bit_cast<std::int32_t>(values[i] / scale + kRounder) -
                                 std::bit_cast<std::int32_t>(kRounder);
    const std::int32_t clamped = std::clamp(rounded, -127, 127);
    sum += clamped;
    row[i] = static_cast<std::int8_t>(clamped);
  }
  std::memcpy(to, row.data(), sizeof(row));
  return static_cast<std::int16_t>(sum);
}

// As bits, magnitudes have the order of the numbers, with infinity and then the NaNs last.
float largest_magnitude(const float* row, std::size_t cols) {
  std::int32_t largest = 0;
  for (std::size_t k = 0; k < cols; ++k)
    largest = std::max(largest, std::bit_cast<std::int32_t>(row[k]) & 0x7fffffff);
  return std::bit_cast<float>(largest);
}

using Scales = std::array<float, kPanelWidth>;
using BlockSums = std::array<std::int16_t, kPanelWidth>;

template <class T>
void write(const std::array<T, kPanelWidth>& values, std::byte* to) {
  std::memcpy(to, values.data(), sizeof(values));
}

// One block of 64 rows of the weight: the numbers and their sums.
BlockSums pack_block(const float* source, std::size_t rows, std::size_t cols, std::size_t k,
                     const Scales& scales, std::byte* panel) {
  Tile tile;
  BlockSums sums{};
  std::array<float, kS8BlockRows> memory;
  const std::size_t count = std::min(kS8BlockRows, cols - k);
  for (std::size_t n = 0; n < rows; ++n) {
    if (scales[n] == 0.0F) continue;
    const float* values = padded(source + n * cols + k, count, memory);
    sums[n] = quantize(values, scales[n], tile.bytes.data() + n * kTileRow);
  }
  const Place place = strips_of(DType::kS8, cols);
  transpose(tile.bytes.data(), kTileRow, panel + place.at(k / kWord, 0), place);
  return sums;
}

bool pack_s8(const float* source, std::size_t rows, std::size_t cols, std::byte* panel) {
  Scales scales{};
  for (std::size_t n = 0; n < rows; ++n) {
    scales[n] = largest_magnitude(source + n * cols, cols) / 127.0F;
    if (!std::isfinite(scales[n])) return false;
  }
  const S8Panel at = s8_panel(cols);
  std::array<std::int32_t, kPanelWidth> sums{};
  for (std::size_t block = 0; block < at.blocks; ++block) {
    const std::size_t k = block * kS8BlockRows;
    const BlockSums block_sums = pack_block(source, rows, cols, k, scales, panel);
    write(block_sums, panel + at.block_sums + block * sizeof(block_sums));
    for (std::size_t n = 0; n < kPanelWidth; ++n) sums[n] += block_sums[n];
  }
  write(scales, panel + at.scales);
  write(sums, panel + at.sums);
  return true;
}

}  // namespace

bool pack_panel(DType dtype, const float* source, std::size_t rows, std::size_t cols,
                std::byte* panel) {
  if (dtype == DType::kS8) return pack_s8(source, rows, cols, panel);
  if (dtype == DType::kBf16) {
    pack_bf16(source, rows, cols, panel);
  } else {
    pack_f32(source, rows, cols, panel);
  }
  return true;
}

}  // namespace onecopy::host
