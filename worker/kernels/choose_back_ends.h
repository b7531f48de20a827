// Finds out which back ends serve best on this machine: each candidate is tested against plain
// loops and, where it is not known which is faster, timed. As timings differ from run to run, an
// instance chooses once and tells its later processes the result (back_ends_text.h).
#pragma once

#include "worker/kernels/back_ends.h"

namespace onecopy::worker::kernels {

// Some milliseconds. One thread.
BackEnds choose_back_ends();

}  // namespace onecopy::worker::kernels
