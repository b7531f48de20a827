#include "worker/kernels/linear.h"

#include <algorithm>
#include <vector>

namespace onecopy::worker::kernels {
namespace {

// Rows that are multiplied and finished while their 64 columns of C (24 KB) are in the nearest
// caches.
constexpr std::size_t kRowBlock = 96;
// Rows of one item at most: A's 128 columns (192 KB) stay in the L2 cache beside the panel.
constexpr std::size_t kMostRows = 384;
// Rows of one item at least, and a multiple of what the kernels' tiles hold.
constexpr std::size_t kFewestRows = 24;
constexpr std::size_t kTileRows = 6;
// Below this many multiply-adds another thread costs more than it brings (some microseconds).
constexpr std::size_t kWorthAThread = 1U << 18;

// Rows [first, last) of one panel of one product.
struct Item {
  const Linear* call;
  std::size_t panel;
  std::size_t first, last;
  const float* next;  // the panel that the same thread will probably take next; null at the end
};

const float* panel_of(const TensorView& weight, std::size_t panel) {
  return weight.floats().data() + panel * panel_floats(weight.cols);
}

// Into how many parts to cut the rows. As few as leave no thread idle for more than a tenth of the
// time: two threads on one panel fetch each line from the other's cache (128 rows, 768 -> 768: 284
// instead of 347 GFLOP/s with two threads).
std::size_t row_parts(std::size_t panels, std::size_t rows, std::size_t threads) {
  std::size_t parts = (rows + kMostRows - 1) / kMostRows;
  const auto idle = [&] {
    const std::size_t items = panels * parts;
    const std::size_t rounds = (items + threads - 1) / threads;
    return 10 * (rounds * threads - items) > rounds * threads;
  };
  while (idle() && rows / (parts + 1) >= kFewestRows) ++parts;
  return parts;
}

// Panels one after the other, the parts of one as neighbours: they are computed at about the same
// time, so that a panel comes from memory once.
std::vector<Item> items_of(std::span<const Linear> products, std::size_t rows,
                           std::size_t threads) {
  std::vector<Item> panels;
  for (const Linear& call : products) {
    for (std::size_t p = 0; p < panel_count(call.weights->weight.rows); ++p) {
      panels.push_back({&call, p, 0, rows, nullptr});
    }
  }
  for (std::size_t i = 0; i + threads < panels.size(); ++i) {
    const Item& later = panels[i + threads];
    panels[i].next = panel_of(later.call->weights->weight, later.panel);
  }
  const std::size_t parts = row_parts(panels.size(), rows, threads);
  const std::size_t step = (rows / parts + kTileRows - 1) / kTileRows * kTileRows;
  std::vector<Item> items;
  for (Item item : panels) {
    for (item.first = 0; item.first < rows; item.first = item.last) {
      item.last = std::min(rows, item.first + step);
      items.push_back(item);
    }
  }
  return items;
}

// For each piece of the panel all rows, so that the piece is read into L1 once.
void multiply_item(const Item& item, const BlockProduct& product) {
  const Linear& call = *item.call;
  const TensorView& weight = call.weights->weight;
  const std::size_t column = item.panel * kPanelWidth;
  const std::size_t columns = std::min(kPanelWidth, weight.rows - column);
  const float* panel = panel_of(weight, item.panel);
  const std::size_t height = item.last - item.first;
  for (std::size_t k = 0; k < weight.cols; k += kProductDepth) {
    const std::size_t depth = std::min(kProductDepth, weight.cols - k);
    const bool last_piece = k + depth == weight.cols;
    for (std::size_t row = item.first; row < item.last; row += kRowBlock) {
      const std::size_t rows = std::min(kRowBlock, item.last - row);
      BlockArgs args{.m = rows,
                     .n = columns,
                     .k = depth,
                     .a = call.x.at(row, k),
                     .lda = call.x.row_stride,
                     .a_block = call.x.block_stride,
                     .b = panel + k * kPanelWidth,
                     .ldb = kPanelWidth,
                     .c = call.y.at(row, column),
                     .ldc = call.y.row_stride,
                     .add = call.add || k > 0};
      const float* next = last_piece ? item.next : panel + (k + depth) * kPanelWidth;
      if (next != nullptr) {  // this block's share of the next piece
        const std::size_t floats = kProductDepth * kPanelWidth;
        args.next = next + floats * (row - item.first) / height / 16 * 16;
        args.next_floats = floats * rows / height;
      }
      product.multiply(args);
      if (last_piece) {
        finish_block(call.epilogue, call.weights->bias.data() + column, args.c, args.ldc, rows,
                     columns);
      }
    }
  }
}

std::size_t multiply_adds(std::span<const Linear> products, std::size_t rows) {
  std::size_t total = 0;
  for (const Linear& call : products) {
    total += rows * call.weights->weight.rows * call.weights->weight.cols;
  }
  return total;
}

}  // namespace

void linear(std::span<const Linear> products, std::size_t rows, ThreadPool& pool,
            const BlockProduct& product) {
  const bool worth_threads = multiply_adds(products, rows) >= kWorthAThread;
  const std::vector<Item> items = items_of(products, rows, worth_threads ? pool.granted() : 1);
  const auto work = [&](std::size_t i, unsigned) {
    multiply_item(items[i], product);
    if (product.release != nullptr) product.release();
  };
  if (worth_threads) return pool.run(items.size(), work);
  for (std::size_t i = 0; i < items.size(); ++i) work(i, 0);
}

}  // namespace onecopy::worker::kernels
