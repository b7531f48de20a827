// AMX's tile registers: eight of 16 rows of 64 bytes. Included by amx_product.cpp alone, where
// AVX-512 VNNI is the target.
#pragma once

#include <cstddef>
#include <cstdint>

HWY_BEFORE_NAMESPACE();
namespace onecopy::worker::kernels::HWY_NAMESPACE {
namespace {

constexpr std::size_t kTileRows = 16;
constexpr std::size_t kTileRowBytes = 64;
constexpr std::size_t kTileBytes = kTileRows * kTileRowBytes;
// Of a block of sums, which is two by two tiles.
constexpr std::size_t kRows = 2 * kTileRows;
constexpr std::size_t kColumns = 2 * kStripWidth;

// All eight tiles whole: what is beyond the last row is computed and not kept. Setting them up for
// fewer rows and back would take as long as multiplying six.
struct alignas(64) TileSizes {
  std::uint8_t palette = 1, start_row = 0, reserved[14] = {};
  std::uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  std::uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};

// Whether this thread's tiles are set up: until release, which leaves nothing for the system to
// save when it switches threads.
thread_local bool tiles_ready = false;

void prepare_tiles() {
  static constexpr TileSizes kSizes;
  if (tiles_ready) return;
  asm volatile("ldtilecfg %0" ::"m"(kSizes));
  tiles_ready = true;
}

void release_tiles() {
  if (!tiles_ready) return;
  asm volatile("tilerelease");
  tiles_ready = false;
}

// Tiles 0 to 3 hold sums: 2 * row + column. Tiles 4 and 5 are rows of A, 6 and 7 columns of B.
// Loads do not say that they read memory, so that the compiler may keep values in registers around
// them: A and B are not written here.
template <int kNumber>
HWY_INLINE void load_tile(const void* from, std::size_t stride) {
  asm volatile("tileloadd (%0,%1,1), %%tmm%c2" ::"r"(from), "r"(stride), "i"(kNumber));
}
template <int kNumber>
HWY_INLINE void store_tile(void* to, std::size_t stride) {
  asm volatile("tilestored %%tmm%c2, (%0,%1,1)" ::"r"(to), "r"(stride), "i"(kNumber) : "memory");
}
template <int kNumber>
HWY_INLINE void zero_tile() {
  asm volatile("tilezero %%tmm%c0" ::"i"(kNumber));
}

struct S8 {
  template <int kC, int kA, int kB>
  static HWY_INLINE void multiply() {
    asm volatile("tdpbusd %%tmm%c2, %%tmm%c1, %%tmm%c0" ::"i"(kC), "i"(kA), "i"(kB));
  }
};
struct Bf16 {
  template <int kC, int kA, int kB>
  static HWY_INLINE void multiply() {
    asm volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" ::"i"(kC), "i"(kA), "i"(kB));
  }
};

// Adds the products of one tile's depth: kM tiles of rows, `lda` bytes from a row to the next, with
// kN strips, `strip` bytes apart.
template <class Type, int kM, int kN>
HWY_INLINE void multiply_tiles(const std::uint8_t* a, std::size_t lda, const std::uint8_t* b,
                               std::size_t strip) {
  load_tile<6>(b, kTileRowBytes);
  load_tile<4>(a, lda);
  Type::template multiply<0, 4, 6>();
  if constexpr (kN == 2) {
    load_tile<7>(b + strip, kTileRowBytes);
    Type::template multiply<1, 4, 7>();
  }
  if constexpr (kM == 2) {
    load_tile<5>(a + kTileRows * lda, lda);
    Type::template multiply<2, 5, 6>();
    if constexpr (kN == 2) Type::template multiply<3, 5, 7>();
  }
}

template <int kM, int kN>
HWY_INLINE void zero_sums() {
  zero_tile<0>();
  if constexpr (kN == 2) zero_tile<1>();
  if constexpr (kM == 2) zero_tile<2>();
  if constexpr (kM == 2 && kN == 2) zero_tile<3>();
}

// Sums to or from rows `stride` bytes apart.
template <int kM, int kN>
HWY_INLINE void store_sums(void* to, std::size_t stride) {
  auto* const bytes = static_cast<std::uint8_t*>(to);
  store_tile<0>(bytes, stride);
  if constexpr (kN == 2) store_tile<1>(bytes + kTileRowBytes, stride);
  if constexpr (kM == 2) store_tile<2>(bytes + kTileRows * stride, stride);
  if constexpr (kM == 2 && kN == 2) {
    store_tile<3>(bytes + kTileRows * stride + kTileRowBytes, stride);
  }
}
template <int kM, int kN>
HWY_INLINE void load_sums(const void* from, std::size_t stride) {
  asm volatile("" ::: "memory");
  const auto* const bytes = static_cast<const std::uint8_t*>(from);
  load_tile<0>(bytes, stride);
  if constexpr (kN == 2) load_tile<1>(bytes + kTileRowBytes, stride);
  if constexpr (kM == 2) load_tile<2>(bytes + kTileRows * stride, stride);
  if constexpr (kM == 2 && kN == 2) {
    load_tile<3>(bytes + kTileRows * stride + kTileRowBytes, stride);
  }
}

}  // namespace
}  // namespace onecopy::worker::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
