// Which tensor of the files becomes which tensor of the segment (shared/tensor_names.h), stored how
// (by the model's precision), with every name, type and shape checked before anything is
// allocated.
#pragma once

#include <optional>
#include <vector>

#include "host/publish/lora.h"
#include "host/publish/named_weights.h"
#include "shared/base/status.h"
#include "shared/segment/model_info.h"
#include "shared/segment/segment_writer.h"

namespace onecopy::host {

// Borrows from the files and the adapter. `plan` says nothing about sharing yet.
struct PlannedTensor {
  TensorPlan plan;
  TensorRef source;
  std::optional<LoraUpdate> lora;
};

// kCorrupt names file, tensor, expected and found type or shape. Tensors that the model doesn't use
// (position_ids, other heads) are passed over.
Result<std::vector<PlannedTensor>> plan_weights(const ModelInfo& info, const NamedWeights& weights);

}  // namespace onecopy::host
