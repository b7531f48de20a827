// A cheap first look at a tensor's content, to find the few pairs whose bytes are worth comparing.
#pragma once

#include "host/publish/tensor_catalogue.h"
#include "host/publish/weight_plan.h"
#include "shared/base/status.h"

namespace onecopy::host {

// Of the layout, the type, the shape, and up to 512 elements widened to f32 in 32 places of the
// tensor; where an adapter updates it, of the adapter's tensors too. Reads a few KB.
Result<Fingerprint> fingerprint(const PlannedTensor& tensor);

}  // namespace onecopy::host
