// What the products of a precision reach at best: one block again and again, all of it in the L1
// and L2 caches. A model that did nothing but products, at no cost of memory, would run at this
// speed.
#pragma once

#include "shared/segment/model_info.h"
#include "worker/kernels/parallel.h"

namespace onecopy::bench {

// GFLOP/s (for integers: operations) of `threads` of the pool together, over about 5 ms.
double product_peak(Precision precision, worker::kernels::ThreadPool& pool);
// The same of attention's products: f32, 16-bit integers or bf16.
double attention_peak(Precision precision, worker::kernels::ThreadPool& pool);

}  // namespace onecopy::bench
