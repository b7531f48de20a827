// precision=auto: the fastest precision that this machine runs well and whose answers stay close to
// those in f32.
#pragma once

#include "host/publish/model_loader.h"

namespace onecopy::host {

// As load_model, for a source with PrecisionChoice::kAuto. Loads the model in f32 beside each
// candidate and has context.compare compare them, so while it loads it takes the memory of both.
Result<LoadedModel> load_auto(const ModelSource& source, const std::string& instance,
                              std::uint64_t generation, TensorCatalogue& catalogue,
                              const LoadContext& context);

}  // namespace onecopy::host
