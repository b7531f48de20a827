// What the core can do at most: multiply-adds on registers.
#pragma once

namespace onecopy::bench {

// GFLOP/s of one thread over about 5 ms with the widest vectors.
double fma_peak();

}  // namespace onecopy::bench
