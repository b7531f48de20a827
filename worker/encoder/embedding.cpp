#include "worker/encoder/embedding.h"

#include <algorithm>

#include "shared/base/bf16.h"
#include "worker/encoder/norm.h"
#include "worker/kernels/row_kernels.h"

namespace onecopy::worker {
namespace {

// The table's row as f32: where it lies, or widened.
const float* word_row(const TensorView& table, std::size_t id, std::vector<float>& widened) {
  if (table.dtype == DType::kF32) return table.floats().data() + id * table.cols;
  const std::uint16_t* row = table.bf16s().data() + id * table.cols;
  widened.resize(table.cols);
  std::transform(row, row + table.cols, widened.begin(), widen_bf16);
  return widened.data();
}

}  // namespace

std::vector<std::uint32_t> positions_of(const ModelInfo& info, const RaggedBatch& batch) {
  std::vector<std::uint32_t> positions(batch.ids.size());
  const bool skips_padding = info.family == Family::kRoberta;
  const auto pad = static_cast<std::int32_t>(info.pad_token_id);
  for (std::size_t s = 0; s < batch.sequences(); ++s) {
    std::uint32_t next = skips_padding ? info.pad_token_id + 1 : 0;
    for (std::size_t t = batch.starts[s]; t < batch.starts[s + 1]; ++t) {
      positions[t] = skips_padding && batch.ids[t] == pad ? info.pad_token_id : next++;
    }
  }
  return positions;
}

void look_up_embeddings(const Model& model, const RaggedBatch& batch, kernels::Activations out,
                        const kernels::Operand& input, kernels::ThreadPool& pool) {
  const EmbeddingWeights& tables = model.embeddings();
  const std::size_t hidden = model.info().hidden;
  const std::vector<std::uint32_t> positions = positions_of(model.info(), batch);
  for_row_groups(batch.ids.size(), hidden, pool, [&](std::size_t first, std::size_t last) {
    std::vector<float> widened;
    for (std::size_t t = first; t < last; ++t) {
      const std::size_t type =
          batch.type_ids.empty() ? 0 : static_cast<std::size_t>(batch.type_ids[t]);
      kernels::add_rows(word_row(tables.word, static_cast<std::size_t>(batch.ids[t]), widened),
                        tables.position.data() + positions[t] * hidden,
                        tables.type.empty() ? nullptr : tables.type.data() + type * hidden, out, t,
                        hidden);
    }
    norm_rows(model.info(), tables.norm, out, out, &input, first, last);
  });
}

}  // namespace onecopy::worker
