// One forward pass of the encoder: which sequences go through a layer together, and in which order.
#pragma once

#include <span>

#include "worker/encoder/encoder.h"

namespace onecopy::worker {

// What encode does once it has checked the batch.
std::span<const float> forward_pass(const Model& model, const RaggedBatch& batch,
                                    Workspace& workspace, OutputRows rows);

}  // namespace onecopy::worker
