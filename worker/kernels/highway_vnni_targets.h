// As highway_targets.h, with AVX-512 VNNI: for the products of integers, which it doubles.
#pragma once

#define HWY_WANT_AVX3_DL  // Highway leaves it out otherwise
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SSE4)
