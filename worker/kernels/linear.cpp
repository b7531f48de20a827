#include "worker/kernels/linear.h"

#include <algorithm>
#include <vector>

namespace onecopy::worker::kernels {
namespace {

// Rows that are multiplied and finished while their 64 columns of C (24 KB) are in the nearest
// caches.
constexpr std::size_t kRowBlock = 96;
// Rows of one item: A's 128 columns (192 KB) stay in the L2 cache beside the panel.
constexpr std::size_t kItemRows = 384;
// Below this many multiply-adds another thread costs more than it brings (some microseconds).
constexpr std::size_t kWorthAThread = 1U << 18;

// One panel of one product.
struct PanelTask {
  const Linear* call;
  std::size_t panel;
  const float* next;  // the panel that the same thread will probably take next; null at the end
};

const float* panel_of(const TensorView& weight, std::size_t panel) {
  return weight.floats().data() + panel * panel_floats(weight.cols);
}

std::vector<PanelTask> tasks_of(std::span<const Linear> products, std::size_t ahead) {
  std::vector<PanelTask> tasks;
  for (const Linear& call : products) {
    for (std::size_t p = 0; p < panel_count(call.weights->weight.rows); ++p) {
      tasks.push_back({&call, p, nullptr});
    }
  }
  for (std::size_t i = 0; i + ahead < tasks.size(); ++i) {
    const PanelTask& later = tasks[i + ahead];
    tasks[i].next = panel_of(later.call->weights->weight, later.panel);
  }
  return tasks;
}

// Rows [first, last) of one panel's columns: for each piece of the panel all rows, so that the
// piece is read into L1 once.
void multiply_panel(const PanelTask& task, std::size_t first, std::size_t last,
                    const BlockProduct& product) {
  const Linear& call = *task.call;
  const TensorView& weight = call.weights->weight;
  const std::size_t column = task.panel * kPanelWidth;
  const std::size_t columns = std::min(kPanelWidth, weight.rows - column);
  const float* panel = panel_of(weight, task.panel);
  for (std::size_t k = 0; k < weight.cols; k += kProductDepth) {
    const std::size_t depth = std::min(kProductDepth, weight.cols - k);
    const bool last_piece = k + depth == weight.cols;
    for (std::size_t row = first; row < last; row += kRowBlock) {
      const std::size_t rows = std::min(kRowBlock, last - row);
      BlockArgs args{.m = rows,
                     .n = columns,
                     .k = depth,
                     .a = call.x.at(row, k),
                     .lda = call.x.row_stride,
                     .b = panel + k * kPanelWidth,
                     .ldb = kPanelWidth,
                     .c = call.y.at(row, column),
                     .ldc = call.y.row_stride,
                     .add = call.add || k > 0};
      const float* next = last_piece ? task.next : panel + (k + depth) * kPanelWidth;
      if (next != nullptr) {  // this block's share of the next piece
        const std::size_t floats = kProductDepth * kPanelWidth;
        args.next = next + floats * (row - first) / (last - first) / 16 * 16;
        args.next_floats = floats * rows / (last - first);
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
  const std::vector<PanelTask> tasks = tasks_of(products, pool.threads());
  // Row parts of a panel are neighbours in the order of the items: they are computed at about the
  // same time, so that the panel comes from memory once.
  std::size_t parts = (rows + kItemRows - 1) / kItemRows;
  const std::size_t wanted = 4 * static_cast<std::size_t>(pool.threads());
  if (pool.threads() > 1 && tasks.size() * parts < wanted) {
    parts = std::min((wanted + tasks.size() - 1) / tasks.size(), (rows + 23) / 24);
  }
  const std::size_t part_rows = (rows + parts - 1) / parts;
  const auto work = [&](std::size_t item, unsigned) {
    const std::size_t first = item % parts * part_rows;
    const std::size_t last = std::min(rows, first + part_rows);
    if (first < last) multiply_panel(tasks[item / parts], first, last, product);
    if (product.release != nullptr) product.release();
  };
  const std::size_t items = tasks.size() * parts;
  if (multiply_adds(products, rows) < kWorthAThread) {
    for (std::size_t item = 0; item < items; ++item) work(item, 0);
  } else {
    pool.run(items, work);
  }
}

}  // namespace onecopy::worker::kernels
