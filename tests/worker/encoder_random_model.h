// A model with random weights in a segment of its own, and a plain forward pass over the same
// tensors in double precision: what the encoder must give.
#pragma once

#include <memory>
#include <vector>

#include "shared/model_info.h"
#include "worker/encoder/encoder.h"

namespace onecopy::worker {

// Small sizes that fit together; change what the test is about.
ModelInfo small_model(Family family, std::uint32_t heads, std::uint32_t head_size,
                      std::uint32_t intermediate);

// Publishes a segment, binds it, and removes the name. Fails the test and returns null on error.
std::unique_ptr<Model> random_model(const ModelInfo& info, unsigned seed);

// The hidden states of one sequence, [ids, hidden].
std::vector<double> reference_encode(const Model& model, const std::vector<std::int32_t>& ids,
                                     const std::vector<std::int32_t>& type_ids);

}  // namespace onecopy::worker
