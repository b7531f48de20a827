// Token ids to the first layer's input: word + position + token type, then layer norm.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "worker/encoder/encoder.h"

namespace onecopy::worker {

// Each token's row of the position table. RoBERTa counts only ids that are not the padding id, from
// pad_token_id + 1 on, and gives padding ids pad_token_id: decided by the ids, so a typed "<pad>"
// counts too.
std::vector<std::uint32_t> positions_of(const ModelInfo& info, const RaggedBatch& batch);

// Looked up where the tables lie. `input`: the same for the first layer's products, unless it is
// f32. Precondition: encode has checked the batch.
void look_up_embeddings(const Model& model, const RaggedBatch& batch, kernels::Activations out,
                        const kernels::Operand& input, kernels::ThreadPool& pool);

}  // namespace onecopy::worker
