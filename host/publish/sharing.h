// Finds the tensors of a new model that need no memory of their own: equal to one of the same
// model, or to one of a model that is already published.
#pragma once

#include <memory>
#include <vector>

#include "host/publish/tensor_catalogue.h"
#include "host/publish/weight_plan.h"
#include "shared/base/status.h"

namespace onecopy::host {

struct Sharing {
  // Each once; they stay while the new segment does.
  std::vector<PublishedSegment::Pointer> borrows_from;
};

// Fills in source, same_as and borrowed of every plan. Equal means that all packed bytes were compared:
// hashes only say where to look, so a hostile file cannot pass its tensors off as another model's.
Result<Sharing> share_tensors(std::vector<PlannedTensor>& tensors, TensorCatalogue& catalogue);

}  // namespace onecopy::host
