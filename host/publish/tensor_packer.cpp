#include "host/publish/tensor_packer.h"

#include <algorithm>

#include "host/publish/convert.h"
#include "host/publish/pack.h"
#include "shared/base/bf16.h"
#include "shared/segment/packed_weight.h"

namespace onecopy::host {
namespace {

constexpr std::size_t kBlockFloats = 65'536;

std::size_t rows_per_block(const TensorPlan& plan) {
  if (plan.layout == Layout::kPanels) return kPanelWidth;
  return std::max<std::size_t>(1, kBlockFloats / plan.cols);
}

}  // namespace

BlockGrid block_grid(const TensorPlan& plan) {
  const std::size_t rows = rows_per_block(plan);
  return {rows, (plan.rows + rows - 1) / rows};
}

std::size_t block_offset(const TensorPlan& plan, std::size_t i) {
  if (plan.layout == Layout::kPanels) return i * panel_bytes(plan.dtype, plan.cols);
  return packed_bytes(plan.layout, plan.dtype, std::min(i * rows_per_block(plan), plan.rows),
                      plan.cols);
}

Status TensorPacker::read(const TensorRef& ref, std::size_t first, std::span<float> out) {
  const std::size_t element = element_bytes(ref.tensor->type);
  const std::uint64_t offset = ref.tensor->offset + first * element;
  if (ref.tensor->type == SourceType::kF32)
    return ref.file->read(offset, std::as_writable_bytes(out));
  raw_.resize(out.size() * element);
  RETURN_IF_ERROR(ref.file->read(offset, raw_));
  widen(ref.tensor->type, raw_, out);
  return {};
}

// In PEFT's order: B A first, then the scaling, then the sum.
Status TensorPacker::add_update(const PlannedTensor& tensor, std::size_t first_row,
                                std::span<float> rows) {
  const LoraUpdate& lora = *tensor.lora;
  const std::size_t rank = lora.rank();
  const std::size_t cols = tensor.plan.cols;
  if (a_of_ != lora.a.tensor) {
    a_.resize(rank * cols);
    RETURN_IF_ERROR(read(lora.a, 0, a_));
    a_of_ = lora.a.tensor;
  }
  b_.resize(rows.size() / cols * rank);
  RETURN_IF_ERROR(read(lora.b, first_row * rank, b_));
  for (std::size_t n = 0; n < rows.size() / cols; ++n) {
    delta_.assign(cols, 0.0F);
    for (std::size_t r = 0; r < rank; ++r) {
      const float factor = b_[n * rank + r];
      for (std::size_t k = 0; k < cols; ++k) delta_[k] += factor * a_[r * cols + k];
    }
    for (std::size_t k = 0; k < cols; ++k) rows[n * cols + k] += delta_[k] * lora.scaling;
  }
  return {};
}

Status TensorPacker::pack(const PlannedTensor& tensor, std::size_t i, std::span<std::byte> out) {
  const TensorPlan& plan = tensor.plan;
  const std::size_t first_row = i * rows_per_block(plan);
  const std::size_t count = std::min(rows_per_block(plan), plan.rows - first_row);
  const bool as_in_file = plan.layout == Layout::kRowMajor && plan.dtype == DType::kF32;
  if (!as_in_file) rows_.resize(count * plan.cols);
  const std::span<float> rows =
      as_in_file ? std::span(reinterpret_cast<float*>(out.data()), count * plan.cols)
                 : std::span(rows_);
  RETURN_IF_ERROR(read(tensor.source, first_row * plan.cols, rows));
  if (tensor.lora) RETURN_IF_ERROR(add_update(tensor, first_row, rows));
  if (plan.layout == Layout::kRowMajor) {
    if (plan.dtype == DType::kBf16)
      std::ranges::transform(rows, reinterpret_cast<std::uint16_t*>(out.data()), narrow_bf16);
    return {};
  }
  if (pack_panel(plan.dtype, rows.data(), count, plan.cols, out.data())) return {};
  return fail(ErrorCode::kCorrupt,
              "{}: tensor {} has a weight in rows {} to {} that is not finite, which int8 cannot "
              "hold",
              tensor.source.file->path().string(), plan.name, first_row, first_row + count - 1);
}

}  // namespace onecopy::host
