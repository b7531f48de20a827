#include "worker/encoder/embedding.h"

#include "worker/encoder/norm.h"
#include "worker/kernels/row_kernels.h"

namespace onecopy::worker {

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

void embed(const Model& model, const RaggedBatch& batch, kernels::Activations out,
           kernels::ThreadPool& pool) {
  const EmbeddingWeights& tables = model.embeddings();
  const std::size_t hidden = model.info().hidden;
  const std::vector<std::uint32_t> positions = positions_of(model.info(), batch);
  for_row_groups(batch.ids.size(), hidden, pool, [&](std::size_t first, std::size_t last) {
    for (std::size_t t = first; t < last; ++t) {
      const std::size_t type =
          batch.type_ids.empty() ? 0 : static_cast<std::size_t>(batch.type_ids[t]);
      kernels::add_rows(tables.word.data() + static_cast<std::size_t>(batch.ids[t]) * hidden,
                        tables.position.data() + positions[t] * hidden,
                        tables.type.empty() ? nullptr : tables.type.data() + type * hidden, out, t,
                        hidden);
    }
    kernels::layer_norm(norm_of(model.info(), tables.norm), out, out, first, last);
  });
}

}  // namespace onecopy::worker
