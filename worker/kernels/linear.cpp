#include "worker/kernels/linear.h"

#include <algorithm>
#include <vector>

#include "worker/kernels/linear_item.h"

namespace onecopy::worker::kernels {
namespace {

// Rows of one item at least, and a multiple of what the kernels' tiles hold.
constexpr std::size_t kFewestRows = 24;
constexpr std::size_t kTileRows = 6;
// Below this many multiply-adds another thread costs more than it brings (some microseconds).
constexpr std::size_t kWorthAThread = 1U << 18;

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

// Panels whose results get a scale in common are one item.
std::vector<Item> panel_items(std::span<const Linear> products, std::size_t rows) {
  std::vector<Item> items;
  for (const Linear& call : products) {
    const std::size_t panels = panel_count(call.weights->weight.rows);
    const std::size_t step = call.y.type == OperandType::kU8 ? call.y.together : 1;
    for (std::size_t p = 0; p < panels; p += step) {
      items.push_back({&call, p, std::min(step, panels - p), 0, rows, nullptr});
    }
  }
  return items;
}

// Panels one after the other, the parts of one as neighbours: they are computed at about the same
// time, so that a panel comes from memory once.
std::vector<Item> items_of(std::span<const Linear> products, std::size_t rows,
                           std::size_t threads) {
  std::vector<Item> panels = panel_items(products, rows);
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

void multiply_item(const Item& item, const BackEnds& back_ends) {
  switch (item.call->x.type) {
    case OperandType::kF32:
      multiply_f32_item(item, back_ends);
      if (back_ends.f32->release != nullptr) back_ends.f32->release();
      return;
    case OperandType::kBf16:
      multiply_bf16_item(item, *back_ends.bf16);
      if (back_ends.bf16->release != nullptr) back_ends.bf16->release();
      return;
    case OperandType::kU8:
      multiply_int8_item(item, *back_ends.int8);
      if (back_ends.int8->release != nullptr) back_ends.int8->release();
      return;
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
            const BackEnds& back_ends) {
  const bool worth_threads = multiply_adds(products, rows) >= kWorthAThread;
  const std::vector<Item> items = items_of(products, rows, worth_threads ? pool.granted() : 1);
  const auto work = [&](std::size_t i, unsigned) { multiply_item(items[i], back_ends); };
  if (worth_threads) return pool.run(items.size(), work);
  for (std::size_t i = 0; i < items.size(); ++i) work(i, 0);
}

}  // namespace onecopy::worker::kernels
