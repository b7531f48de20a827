#include <algorithm>

#include "worker/kernels/aligned_buffer.h"
#include "worker/kernels/epilogue.h"
#include "worker/kernels/linear_item.h"

namespace onecopy::worker::kernels {
namespace {

// Widening a piece takes about as long as multiplying so many rows.
constexpr std::size_t kWideningRows = 6;

// The panel's rows [k, k + depth) as f32: where they lie, or widened into a buffer of the thread.
const float* piece_of(const TensorView& weight, const std::byte* panel, std::size_t k,
                      std::size_t depth, const Ahead& ahead) {
  if (weight.dtype == DType::kF32) {
    return reinterpret_cast<const float*>(panel) + k * kPanelWidth;
  }
  thread_local AlignedBuffer widened;
  float* const to = widened.reserve(kProductDepth * kPanelWidth);
  const auto* values = reinterpret_cast<const std::uint16_t*>(panel);
  widen_panel(values + panel_index(weight.dtype, weight.cols, k, 0),
              strip_bytes(weight.dtype, weight.cols) / sizeof(std::uint16_t), depth, to,
              ahead.begin, ahead.bytes);
  return to;
}

// What to fetch while rows [k, k + depth) are used: the panel's next ones, or the next panel's
// first; of a bf16 panel, whose rows lie in four strips, as much of the next panel.
Ahead ahead_of(const Item& item, std::size_t k, std::size_t depth) {
  const TensorView& weight = item.call->weights->weight;
  if (weight.dtype != DType::kF32) {
    return Ahead{item.next, panel_bytes(weight.dtype, weight.cols)}.share(k, depth, weight.cols);
  }
  const bool last = k + depth == weight.cols;
  return {last ? item.next : panel_of(weight, item.panel) + panel_bytes(weight.dtype, k + depth),
          panel_bytes(weight.dtype, kProductDepth)};
}

}  // namespace

// For each piece of the panel all rows, so that the piece is read into L1 once.
void multiply_f32_item(const Item& item, const BackEnds& back_ends) {
  const Linear& call = *item.call;
  const TensorView& weight = call.weights->weight;
  const Activations x = call.x.floats();
  const Activations y = call.y.floats();
  const std::size_t column = item.panel * kPanelWidth;
  const std::byte* panel = panel_of(weight, item.panel);
  const std::size_t widening = weight.dtype == DType::kF32 ? 0 : kWideningRows;
  const std::size_t steps = widening + item.rows();
  for (std::size_t k = 0; k < weight.cols; k += kProductDepth) {
    const std::size_t depth = std::min(kProductDepth, weight.cols - k);
    const bool last_piece = k + depth == weight.cols;
    const Ahead ahead = ahead_of(item, k, depth);
    const float* piece = piece_of(weight, panel, k, depth, ahead.share(0, widening, steps));
    for (std::size_t row = item.first; row < item.last; row += kRowBlock) {
      const std::size_t rows = std::min(kRowBlock, item.last - row);
      const Ahead share = ahead.share(widening + row - item.first, rows, steps);
      const BlockArgs args{.m = rows,
                           .n = columns_of(weight, item.panel),
                           .k = depth,
                           .a = x.at(row, k),
                           .lda = x.row_stride,
                           .a_block = x.block_stride,
                           .b = piece,
                           .ldb = kPanelWidth,
                           .c = y.at(row, column),
                           .ldc = y.row_stride,
                           .add = call.add || k > 0,
                           .next = share.begin,
                           .next_bytes = share.bytes};
      back_ends.f32->multiply(args);
      if (last_piece) {
        finish_block(call.epilogue, call.weights->bias.data() + column, args.c, args.ldc, rows,
                     args.n);
      }
    }
  }
}

}  // namespace onecopy::worker::kernels
