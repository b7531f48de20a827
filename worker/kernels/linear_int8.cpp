#include <algorithm>
#include <array>

#include "worker/kernels/aligned_buffer.h"
#include "worker/kernels/epilogue.h"
#include "worker/kernels/finish_quantized.h"
#include "worker/kernels/linear_item.h"

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

// What lies behind a panel's values, apart from what is fetched ahead with them: a line that is
// missed there stalls. The scales and sums are the panel's own, for its epilogue; the block sums
// those of the panel that comes next, which starts with them.
void prefetch_behind(const PanelView& panel, const std::byte* next_panel, std::size_t k,
                     U8Form form) {
  constexpr std::size_t kLine = 64;
  for (std::size_t j = 0; j < kPanelWidth; j += kLine / sizeof(float)) {
    __builtin_prefetch(panel.scales + j, 0, 2);
    __builtin_prefetch(panel.sums + j, 0, 2);
  }
  if (form != U8Form::kSigned || next_panel == nullptr) return;
  const S8Panel parts = s8_panel(k);
  for (std::size_t at = parts.block_sums; at < parts.scales; at += kLine) {
    __builtin_prefetch(next_panel + at, 0, 2);
  }
}

constexpr std::size_t kBlockBytes = kS8BlockRows * kPanelWidth;

// One panel, from the activations to sums that lack the weight's scales, in pieces of the panel
// that stay in L1 for all rows. finish(row, rows) as soon as a row block is complete.
template <class Finish>
void multiply_panel(const Item& item, std::size_t panel, const std::byte* next_panel,
                    const Int8Product& product, float* c, const Finish& finish) {
  const Operand& x = item.call->x;
  const TensorView& weight = item.call->weights->weight;
  const PanelView view = view_of(weight, panel);
  const std::size_t blocks = s8_panel(weight.cols).blocks;
  // Pieces of about the same size: 12 blocks are two of 6, not 8 and 4.
  const std::size_t pieces = (blocks + kInt8Blocks - 1) / kInt8Blocks;
  std::size_t step = (blocks + pieces - 1) / pieces;
  if (x.together < blocks) step = (step + x.together - 1) / x.together * x.together;
  for (std::size_t block = 0; block < blocks; block += step) {
    const std::size_t count = std::min(step, blocks - block);
    const bool last_piece = block + count == blocks;
    if (last_piece) prefetch_behind(view, next_panel, weight.cols, x.form);
    const std::int8_t* piece = view.values + block * kBlockBytes;
    const std::byte* next =
        last_piece ? next_panel : reinterpret_cast<const std::byte*>(piece + count * kBlockBytes);
    for (std::size_t row = item.first; row < item.last; row += kRowBlock) {
      const std::size_t rows = std::min(kRowBlock, item.last - row);
      const Share share = share_of(item, next, step * kBlockBytes, row, rows);
      product.multiply({.m = rows,
                        .blocks = count,
                        .a = reinterpret_cast<const std::uint8_t*>(x.at(row, block)),
                        .lda = x.row_stride,
                        .a_block = x.block_stride,
                        .b = piece,
                        .block_sums = x.form == U8Form::kSigned
                                          ? view.block_sums + block * kPanelWidth
                                          : nullptr,
                        .scales = &x.scale(row, block),
                        .together = std::min(count, x.together),
                        .next_scales = x.scale_stride,
                        .c = c + (row - item.first) * kPanelWidth,
                        .add = block > 0,
                        .next = reinterpret_cast<const std::int8_t*>(share.begin),
                        .next_bytes = share.bytes});
      if (last_piece) finish(row, rows);
    }
  }
}

// A panel whose result is f32.
void multiply_to_floats(const Item& item, const Int8Product& product, float* sums) {
  const Linear& call = *item.call;
  const std::size_t column = item.panel * kPanelWidth;
  const std::size_t columns = columns_of(call.weights->weight, item.panel);
  const PanelView view = view_of(call.weights->weight, item.panel);
  Added added;
  multiply_panel(item, item.panel, item.next, product, sums,
                 [&](std::size_t row, std::size_t rows) {
                   if (row == item.first) added = added_of(call, view, column, columns);
                   const Activations y = call.y.floats().from_row(row);
                   finish_scaled(call.epilogue, {.c = sums + (row - item.first) * kPanelWidth,
                                                 .scales = view.scales,
                                                 .bias = added.bias.data(),
                                                 .lows = lows_of(call.x, row),
                                                 .sums = added.sums.data(),
                                                 .rows = rows,
                                                 .columns = columns,
                                                 .to = y.at(0, column),
                                                 .stride = y.row_stride,
                                                 .add = call.add});
                 });
}

// The item's panels, whose result is quantized with a scale in common: their sums wait for the last
// one.
void multiply_to_bytes(const Item& item, const Int8Product& product, float* sums) {
  const Linear& call = *item.call;
  const TensorView& weight = call.weights->weight;
  std::array<Added, kMostTogether> added;
  std::array<SumsBlock, kMostTogether> blocks;
  for (std::size_t i = 0; i < item.panels; ++i) {
    const std::size_t panel = item.panel + i;
    const PanelView view = view_of(weight, panel);
    float* const c = sums + i * item.rows() * kPanelWidth;
    blocks[i] = {c, view.scales, added[i].bias.data(), added[i].sums.data()};
    const bool last = i + 1 == item.panels;
    const std::byte* next = last ? item.next : panel_of(weight, panel + 1);
    multiply_panel(item, panel, next, product, c, [&](std::size_t row, std::size_t rows) {
      if (row == item.first) {
        added[i] = added_of(call, view, panel * kPanelWidth, columns_of(weight, panel));
      }
      if (!last) return;
      auto from = blocks;
      for (SumsBlock& block : from) block.c += (row - item.first) * kPanelWidth;
      finish_quantized(call.epilogue, from.data(), item.panels, lows_of(call.x, row), call.y,
                       item.panel, row, row + rows);
    });
  }
}

}  // namespace

void multiply_int8_item(const Item& item, const Int8Product& product) {
  thread_local AlignedBuffer scratch;
  float* const sums = scratch.reserve(item.panels * item.rows() * kPanelWidth);
  if (item.call->y.type == OperandType::kF32) {
    multiply_to_floats(item, product, sums);
  } else {
    multiply_to_bytes(item, product, sums);
  }
}

}  // namespace onecopy::worker::kernels
