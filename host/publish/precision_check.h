// How far a model's answers in a lower precision are from those in f32.
#pragma once

#include <string>

#include "shared/base/status.h"

namespace onecopy::host {

// Runs both published segments, of the same model, over a few sentences and returns the largest
// difference of a logit (of an embedding's value) in parts of the largest logit's magnitude. Takes
// about as long as two dozen short requests. Errors: those of a segment that cannot be opened.
Result<double> precision_error(const std::string& f32_segment, const std::string& segment);

}  // namespace onecopy::host
