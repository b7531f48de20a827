// Products on AMX: tiles of 16 rows of 64 bytes, multiplied 16 x 16 at a time. Where a machine has
// it, it multiplies bf16 and int8 eight to sixteen times as fast as its vector instructions do.
#pragma once

#include "worker/kernels/bf16_product.h"
#include "worker/kernels/int8_product.h"

namespace onecopy::worker::kernels {

// Null where amx_support.h says so.
const Bf16Product* amx_bf16_product();
const Int8Product* amx_int8_product();

}  // namespace onecopy::worker::kernels
