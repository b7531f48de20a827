#include <algorithm>
#include <array>

#include "worker/kernels/aligned_buffer.h"
#include "worker/kernels/epilogue.h"
#include "worker/kernels/linear_item.h"
#include "worker/kernels/quantize.h"

namespace onecopy::worker::kernels {
namespace {

// A bf16 weight is its own scale.
constexpr auto kOnes = [] {
  std::array<float, kPanelWidth> ones{};
  ones.fill(1);
  return ones;
}();

}  // namespace

// One call over all of k for each row block: the instructions' tiles of C are loaded and stored
// once.
void multiply_bf16_item(const Item& item, const Bf16Product& product) {
  const Linear& call = *item.call;
  const TensorView& weight = call.weights->weight;
  const std::size_t column = item.panel * kPanelWidth;
  const std::size_t columns = columns_of(weight, item.panel);
  thread_local AlignedBuffer scratch;
  float* const c = scratch.reserve(kRowBlock * kPanelWidth);
  for (std::size_t row = item.first; row < item.last; row += kRowBlock) {
    const std::size_t rows = std::min(kRowBlock, item.last - row);
    product.multiply({.m = rows,
                      .k = Operand::bf16_columns(weight.cols),
                      .a = reinterpret_cast<const std::uint16_t*>(call.x.at(row, 0)),
                      .lda = call.x.row_stride / sizeof(std::uint16_t),
                      .b = reinterpret_cast<const std::uint16_t*>(panel_of(weight, item.panel)),
                      .c = c});
    const bool to_floats = call.y.type == OperandType::kF32;
    const Activations y = to_floats ? call.y.floats().from_row(row) : Activations();
    finish_scaled(call.epilogue, {.c = c,
                                  .scales = kOnes.data(),
                                  .bias = call.weights->bias.data() + column,
                                  .rows = rows,
                                  .columns = columns,
                                  .to = to_floats ? y.at(0, column) : c,
                                  .stride = to_floats ? y.row_stride : kPanelWidth,
                                  .add = call.add});
    if (!to_floats) {
      quantize(Activations::blocked(c, kRowBlock), columns, call.y, item.panel, row, row + rows);
    }
  }
}

}  // namespace onecopy::worker::kernels
