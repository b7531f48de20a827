// A model with random weights in a segment of its own, and a plain forward pass over the same
// tensors in double precision: what the encoder must give.
#pragma once

#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "shared/segment/model_info.h"
#include "worker/encoder/encoder.h"

namespace onecopy::worker {

// Small sizes that fit together; change what the test is about.
ModelInfo small_model(Family family, std::uint32_t heads, std::uint32_t head_size,
                      std::uint32_t intermediate);

// Called with each tensor's name and numbers before they are packed.
using ChangeTensor = std::function<void(std::string_view name, std::vector<float>& values)>;

// Publishes a segment of info.precision, binds it, and removes the name. Fails the test and returns
// null on error.
std::unique_ptr<Model> random_model(const ModelInfo& info, unsigned seed,
                                    const ChangeTensor& change = {});

// The hidden states of one sequence, [ids, hidden], with the numbers that the weights hold; nothing
// else is rounded.
std::vector<double> reference_encode(const Model& model, const std::vector<std::int32_t>& ids,
                                     const std::vector<std::int32_t>& type_ids);

}  // namespace onecopy::worker
