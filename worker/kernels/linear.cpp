#include "worker/kernels/linear.h"

#include <algorithm>
#include <vector>

#include "worker/kernels/linear_item.h"

namespace onecopy::worker::kernels {
namespace {

constexpr std::size_t kFewestRows = 24;  // of one item
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

// Panels of one item: those whose results get a scale in common; and two of bf16, where all rows of
// the activations do not stay in the L2 cache from one panel to the next.
std::size_t panels_together(const Linear& call, std::size_t rows) {
  constexpr std::size_t kStays = std::size_t{1} << 20;  // bytes; half of that cache
  if (call.y.type == OperandType::kU8) return call.y.together;
  const bool stays = rows * call.weights->weight.cols * sizeof(std::uint16_t) <= kStays;
  return call.x.type == OperandType::kBf16 && !stays ? 2 : 1;
}

std::vector<Item> panel_items(std::span<const Linear> products, std::size_t rows) {
  std::vector<Item> items;
  for (const Linear& call : products) {
    const std::size_t panels = panel_count(call.weights->weight.rows);
    const std::size_t step = panels_together(call, rows);
    for (std::size_t p = 0; p < panels; p += step) {
      items.push_back({&call, p, std::min(step, panels - p), 0, rows, nullptr});
    }
  }
  return items;
}

// Panels one after the other, the parts of one as neighbours: they are computed at about the same
// time, so that a panel comes from memory once.
std::vector<Item> items_of(std::span<const Linear> products, std::size_t rows, std::size_t threads,
                           std::size_t tile_rows) {
  std::vector<Item> panels = panel_items(products, rows);
  for (std::size_t i = 0; i + threads < panels.size(); ++i) {
    const Item& later = panels[i + threads];
    panels[i].next = panel_of(later.call->weights->weight, later.panel);
  }
  const std::size_t parts = row_parts(panels.size(), rows, threads);
  const std::size_t step = round_up(rows / parts, tile_rows);
  std::vector<Item> items;
  for (Item item : panels) {
    for (item.first = 0; item.first < rows; item.first = item.last) {
      item.last = std::min(rows, item.first + step);
      items.push_back(item);
    }
  }
  return items;
}

// Rows are cut at multiples of what the product's tiles hold.
std::size_t tile_rows(OperandType type, const BackEnds& back_ends) {
  if (type == OperandType::kBf16) return back_ends.bf16->tile_rows;
  return type == OperandType::kU8 ? back_ends.int8->tile_rows : 6;
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
  const std::vector<Item> items = items_of(products, rows, worth_threads ? pool.granted() : 1,
                                           tile_rows(products[0].x.type, back_ends));
  const auto work = [&](std::size_t i, unsigned) { multiply_item(items[i], back_ends); };
  if (worth_threads) return pool.run(items.size(), work);
  for (std::size_t i = 0; i < items.size(); ++i) work(i, 0);
}

}  // namespace onecopy::worker::kernels
