#include <algorithm>
#include <array>

#include "worker/kernels/aligned_buffer.h"
#include "worker/kernels/linear_item.h"
#include "worker/kernels/quantize.h"

namespace onecopy::worker::kernels {
namespace {

// The parts of one s8 panel (shared/packed_weight.h).
struct PanelView {
  const std::int8_t* values;
  const std::int16_t* block_sums;
  const float* scales;
  const std::int32_t* sums;
};

PanelView view_of(const TensorView& weight, std::size_t panel) {
  const std::byte* at = panel_of(weight, panel);
  const S8Panel parts = s8_panel(weight.cols);
  return {reinterpret_cast<const std::int8_t*>(at),
          reinterpret_cast<const std::int16_t*>(at + parts.block_sums),
          reinterpret_cast<const float*>(at + parts.scales),
          reinterpret_cast<const std::int32_t*>(at + parts.sums)};
}

// What is added to each column's sums: the layer's bias less what the activations' offset brings;
// and the column's sum of the weight, to be multiplied with a row's low.
struct Added {
  std::array<float, kPanelWidth> bias{}, sums{};
};
Added added_of(const Linear& call, const PanelView& panel, std::size_t column,
               std::size_t columns) {
  Added added;
  for (std::size_t j = 0; j < columns; ++j) {
    added.sums[j] = panel.scales[j] * static_cast<float>(panel.sums[j]);
    added.bias[j] = call.weights->bias[column + j] - call.x.offset * added.sums[j];
  }
  return added;
}

const float* lows_of(const Operand& x, std::size_t row) {
  return x.lows == nullptr ? nullptr : x.lows + row;
}

// One panel, in pieces that stay in L1 for all rows of the item. finish(row): what becomes of the
// rows from this one on. c: [item.rows()][64], scratch.
template <class FinishAt>
void multiply_panel(const Item& item, std::size_t panel, const Ahead& ahead,
                    const Int8Product& product, float* c, const FinishAt& finish_at) {
  const Operand& x = item.call->x;
  const TensorView& weight = item.call->weights->weight;
  const PanelView view = view_of(weight, panel);
  const std::size_t blocks = row_blocks(weight.cols);
  // Pieces of about the same size: 12 blocks are two of 6, not 8 and 4.
  const std::size_t pieces = (blocks + product.most_blocks - 1) / product.most_blocks;
  std::size_t step = (blocks + pieces - 1) / pieces;
  if (x.together < blocks) step = round_up(step, x.together);
  for (std::size_t block = 0; block < blocks; block += step) {
    const std::size_t count = std::min(step, blocks - block);
    const bool last_piece = block + count == blocks;
    const Ahead during = ahead.share(block, count, blocks);
    for (std::size_t row = item.first; row < item.last; row += product.row_block) {
      const std::size_t rows = std::min(product.row_block, item.last - row);
      const Ahead share = during.share(row - item.first, rows, item.rows());
      const Finish finish = last_piece ? finish_at(row) : Finish();
      product.multiply({.m = rows,
                        .blocks = count,
                        .a = reinterpret_cast<const std::uint8_t*>(x.at(row, block)),
                        .lda = x.row_stride,
                        .a_block = x.block_stride,
                        .b = view.values + block * kS8BlockRows * kStripWidth,
                        .b_strip = strip_bytes(DType::kS8, weight.cols),
                        .block_sums = x.form == U8Form::kSigned
                                          ? view.block_sums + block * kPanelWidth
                                          : nullptr,
                        .scales = &x.scale(row, block),
                        .together = std::min(count, x.together),
                        .next_scales = x.scale_stride,
                        .c = c + (row - item.first) * kPanelWidth,
                        .add = block > 0,
                        .finish = last_piece ? &finish : nullptr,
                        .next = share.begin,
                        .next_bytes = share.bytes});
    }
  }
}

// A panel whose result is not quantized.
void multiply_to_floats(const Item& item, const Int8Product& product, float* c) {
  const Linear& call = *item.call;
  const TensorView& weight = call.weights->weight;
  const PanelView view = view_of(weight, item.panel);
  const std::size_t columns = columns_of(weight, item.panel);
  const Added added = added_of(call, view, item.panel * kPanelWidth, columns);
  const Ahead ahead{item.next, panel_bytes(weight.dtype, weight.cols)};
  multiply_panel(item, item.panel, ahead, product, c, [&](std::size_t row) {
    return finish_to(call.y, row, item.panel,
                     {.epilogue = call.epilogue,
                      .scales = view.scales,
                      .bias = added.bias.data(),
                      .lows = lows_of(call.x, row),
                      .sums = added.sums.data(),
                      .columns = columns,
                      .add = call.add});
  });
}

// What to fetch while the item's panel `index` is used for the chunk's rows: the first chunk comes
// upon panels that are in no cache, so the one that follows; the others as much of the next item's.
Ahead ahead_of(const Item& item, const Item& chunk, std::size_t index) {
  const TensorView& weight = item.call->weights->weight;
  const std::size_t bytes = panel_bytes(weight.dtype, weight.cols);
  if (chunk.first == item.first) {
    const bool last = index + 1 == item.panels;
    return {last ? item.next : panel_of(weight, item.panel + index + 1), bytes};
  }
  if (item.next == nullptr) return {};
  const std::size_t done = chunk.first - item.first;
  const std::size_t all = item.rows();
  return Ahead{item.next + index * bytes, bytes}.share(done, chunk.rows(), all);
}

// Rows [chunk.first, chunk.last) of the item's panels, which share a scale: quantized when the last
// one is finished.
void multiply_to_bytes(const Item& item, const Item& chunk, const Int8Product& product, float* c,
                       float* values) {
  const Linear& call = *item.call;
  const TensorView& weight = call.weights->weight;
  const Activations wide = Activations::blocked(values, chunk.rows());
  std::size_t columns = 0;
  for (std::size_t i = 0; i < item.panels; ++i) {
    const std::size_t panel = item.panel + i;
    const PanelView view = view_of(weight, panel);
    const std::size_t count = columns_of(weight, panel);
    const Added added = added_of(call, view, panel * kPanelWidth, count);
    multiply_panel(chunk, panel, ahead_of(item, chunk, i), product, c, [&](std::size_t row) {
      return Finish{.epilogue = call.epilogue,
                    .scales = view.scales,
                    .bias = added.bias.data(),
                    .lows = lows_of(call.x, row),
                    .sums = added.sums.data(),
                    .columns = count,
                    .to = wide.at(row - chunk.first, i * kPanelWidth),
                    .stride = wide.row_stride};
    });
    columns += count;
  }
  quantize(wide, columns, call.y, item.panel, chunk.first, chunk.last);
}

}  // namespace

void multiply_int8_item(const Item& item, const Int8Product& product) {
  thread_local AlignedBuffer scratch;
  if (item.call->y.type != OperandType::kU8) {
    return multiply_to_floats(item, product, scratch.reserve(item.rows() * kPanelWidth));
  }
  const std::size_t block = product.row_block * kPanelWidth;
  float* const c = scratch.reserve((1 + item.panels) * block);
  Item chunk = item;
  for (; chunk.first < item.last; chunk.first = chunk.last) {
    chunk.last = std::min(item.last, chunk.first + product.row_block);
    multiply_to_bytes(item, chunk, product, c, c + block);
  }
}

}  // namespace onecopy::worker::kernels
