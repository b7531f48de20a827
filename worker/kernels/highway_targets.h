// Which instruction sets the Highway files are compiled for. Include before hwy/foreach_target.h.
// AVX-512 with VNNI brings nothing to f32, and no machine has SSE4 but not AVX2 that would serve a
// model; plain x86-64 stays as what runs everywhere.
#pragma once

#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SSE4 | HWY_AVX3_DL)
