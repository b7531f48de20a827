#include <algorithm>

#include "worker/kernels/aligned_buffer.h"
#include "worker/kernels/linear_item.h"

namespace onecopy::worker::kernels {
namespace {

// Rows [row, row + rows) of one of the item's panels. c: [rows][64], scratch.
void multiply_panel(const Item& item, std::size_t index, std::size_t row, std::size_t rows,
                    const Bf16Product& product, float* c) {
  const Linear& call = *item.call;
  const TensorView& weight = call.weights->weight;
  const std::size_t panel = item.panel + index;
  const std::size_t column = panel * kPanelWidth;
  const std::size_t bytes = panel_bytes(weight.dtype, weight.cols);
  const Ahead next{item.next == nullptr ? nullptr : item.next + index * bytes, bytes};
  const Ahead share = next.share(row - item.first, rows, item.rows());
  const Finish finish = finish_to(call.y, row, panel,
                                  {.epilogue = call.epilogue,
                                   .scales = kOnes.data(),  // a bf16 weight is its own
                                   .bias = call.weights->bias.data() + column,
                                   .columns = columns_of(weight, panel),
                                   .add = call.add});
  product.multiply({.m = rows,
                    .n = kPanelWidth,
                    .k = weight.cols,
                    .a = reinterpret_cast<const std::uint16_t*>(call.x.at(row, 0)),
                    .lda = call.x.row_stride / sizeof(std::uint16_t),
                    .a_block = call.x.half_stride / sizeof(std::uint16_t),
                    .b = reinterpret_cast<const std::uint16_t*>(panel_of(weight, panel)),
                    .b_strip = strip_bytes(DType::kBf16, weight.cols) / sizeof(std::uint16_t),
                    .c = c,
                    .ldc = kPanelWidth,
                    .finish = &finish,
                    .next = share.begin,
                    .next_bytes = share.bytes});
}

}  // namespace

// One call over all of k for each row block, whose activations stay in the L2 cache for all panels
// of the item.
void multiply_bf16_item(const Item& item, const Bf16Product& product) {
  thread_local AlignedBuffer scratch;
  float* const c = scratch.reserve(product.row_block * kPanelWidth);
  for (std::size_t row = item.first; row < item.last; row += product.row_block) {
    for (std::size_t i = 0; i < item.panels; ++i) {
      multiply_panel(item, i, row, std::min(product.row_block, item.last - row), product, c);
    }
  }
}

}  // namespace onecopy::worker::kernels
