// Work on a model's tensors with all cores that the process may use.
#pragma once

#include <cstddef>
#include <functional>

#include "host/publish/tensor_packer.h"
#include "shared/base/status.h"

namespace onecopy::host {

// Calls job(i, packer) for every i below `jobs`, each once, in rising order but on several threads,
// each with a packer of its own. After the first error no further job starts; that error is
// returned.
Status run_parallel(std::size_t jobs, const std::function<Status(std::size_t, TensorPacker&)>& job);

}  // namespace onecopy::host
