// What the host, which computes nothing itself, has a short-lived onecopy-nursery find out. Goes
// when the nursery that serves answers the same as messages.
#pragma once

#include <string>

#include "host/publish/model_loader.h"

namespace onecopy::host {

struct SettledArithmetic {
  std::string back_ends;  // for every nursery of the instance: --back-ends
  Arithmetic arithmetic;
};

// Chooses the back ends: a fraction of a second, mostly of starting.
Result<SettledArithmetic> settle_arithmetic();

// As Compare, with these back ends. A trial that crashes is an error: kUnsupported.
Result<double> compare_in_trial(const std::string& back_ends, const PublishedSegment& f32,
                                const PublishedSegment& candidate);

}  // namespace onecopy::host
