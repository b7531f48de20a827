// Whether this process may use AMX.
#pragma once

namespace onecopy::worker::kernels {

// The first call asks the system for leave; children inherit it.
bool has_amx();

// Whether the processor has it and the system keeps it from this process.
bool amx_is_refused();

// AVX512_BF16.
bool has_avx512_bf16();

}  // namespace onecopy::worker::kernels
