// How a product's rows are cut: all of them once, in as many tiles as is said beforehand (products
// spread over that number what they fetch for later).
#include <gmock/gmock.h>
#include <hwy/highway.h>

#include <vector>

#include "worker/kernels/row_tiles-inl.h"

namespace onecopy::worker::kernels {
namespace {

TEST(RowTiles, CoverAllRowsInAsManyTilesAsSaid) {
  constexpr std::size_t kMost = 6;
  for (std::size_t rows = 0; rows <= 40; ++rows) {
    std::size_t tiles = 0;
    std::size_t next = 0;
    HWY_NAMESPACE::for_row_tiles<kMost>(rows, [&](auto height, std::size_t row) {
      EXPECT_EQ(row, next) << rows;
      EXPECT_LE(height, kMost);
      next += height;
      ++tiles;
    });
    EXPECT_EQ(next, rows);
    EXPECT_EQ(tiles, HWY_NAMESPACE::row_tiles(rows, kMost)) << rows;
  }
}

TEST(RowTiles, TheLastTwoAreOfAboutTheSameHeight) {
  std::vector<std::size_t> heights;
  HWY_NAMESPACE::for_row_tiles<6>(
      20, [&](auto height, std::size_t) { heights.push_back(std::size_t{height}); });
  EXPECT_THAT(heights, testing::ElementsAre(6, 6, 4, 4));
}

}  // namespace
}  // namespace onecopy::worker::kernels
