// How long one product, the same for all, takes with each back end: a fraction of a millisecond.
#pragma once

#include "worker/kernels/bf16_product.h"
#include "worker/kernels/block_product.h"
#include "worker/kernels/int8_product.h"

namespace onecopy::worker::kernels {

// Seconds, the best of a few runs. `widened`: from a weight of bf16.
double seconds_in_f32(const BlockProduct& f32, bool widened);
double seconds_of(const Bf16Product& product);
double seconds_of(const Int8Product& product);

}  // namespace onecopy::worker::kernels
