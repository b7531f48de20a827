// Cuts the rows of a product into tiles.
#if defined(ONECOPY_ROW_TILES_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef ONECOPY_ROW_TILES_INL_H
#undef ONECOPY_ROW_TILES_INL_H
#else
#define ONECOPY_ROW_TILES_INL_H
#endif

#include <cstddef>
#include <type_traits>

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace onecopy::worker::kernels::HWY_NAMESPACE {

// A tile of `rows` rows, at most kM.
template <std::size_t kM, class Tile>
HWY_INLINE void tile_of(std::size_t rows, std::size_t row, const Tile& tile) {
  if constexpr (kM > 1) {
    if (rows < kM) return tile_of<kM - 1>(rows, row, tile);
  }
  tile(std::integral_constant<std::size_t, kM>(), row);
}

// tile(height, row) for tiles that cover all rows: height is an integral_constant, kRows or less.
// Less than two tiles at the end become two of about the same height: one of few rows leaves the
// multipliers waiting for each other.
template <std::size_t kRows, class Tile>
HWY_INLINE void for_row_tiles(std::size_t rows, const Tile& tile) {
  std::size_t row = 0;
  for (; rows - row == kRows || rows - row >= 2 * kRows; row += kRows) {
    tile(std::integral_constant<std::size_t, kRows>(), row);
  }
  while (row < rows) {
    const std::size_t left = rows - row;
    const std::size_t height = left > kRows ? (left + 1) / 2 : left;
    tile_of<kRows>(height, row, tile);
    row += height;
  }
}

// How many tiles for_row_tiles makes.
constexpr std::size_t row_tiles(std::size_t rows, std::size_t most) {
  return (rows + most - 1) / most;
}

}  // namespace onecopy::worker::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // include guard
