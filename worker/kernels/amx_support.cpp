#include "worker/kernels/amx_support.h"

#include <cpuid.h>
#include <hwy/highway.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace onecopy::worker::kernels {
namespace {

struct Registers {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
};
// All 0 where the processor does not know the leaf.
Registers cpuid(unsigned leaf, unsigned subleaf) {
  Registers r;
  if (__get_cpuid_count(leaf, subleaf, &r.eax, &r.ebx, &r.ecx, &r.edx) == 0) return {};
  return r;
}

// The kernels stand in the code for AVX-512 VNNI; tests limit a process to less.
bool may_use_vnni() { return (hwy::SupportedTargets() & HWY_AVX3_DL) != 0; }

bool processor_has_amx() {
  constexpr unsigned kBf16 = 1U << 22;
  constexpr unsigned kTiles = 1U << 24;
  constexpr unsigned kInt8 = 1U << 25;
  constexpr unsigned kAll = kBf16 | kTiles | kInt8;
  return has_avx512_bf16() && (cpuid(7, 0).edx & kAll) == kAll;
}

// The tiles are 8 KB of registers that the system saves at each switch: it gives them to processes
// that ask (Linux's Documentation/arch/x86/xstate.rst).
bool may_use_tiles() {
  constexpr long kRequestPermission = 0x1023;  // ARCH_REQ_XCOMP_PERM
  constexpr long kTileData = 18;               // XFEATURE_XTILEDATA
  static const bool may = syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
  return may;
}

}  // namespace

bool has_amx() { return processor_has_amx() && may_use_tiles(); }
bool amx_is_refused() { return processor_has_amx() && !may_use_tiles(); }

bool has_avx512_bf16() {
  constexpr unsigned kBf16 = 1U << 5;
  return may_use_vnni() && (cpuid(7, 1).eax & kBf16) != 0;
}

}  // namespace onecopy::worker::kernels
