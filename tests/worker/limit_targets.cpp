// ONECOPY_TEST_TARGETS=AVX2 in the environment: the whole process computes as a machine whose best
// instructions these are, so that back ends are chosen as there too. Before main, as the first use
// of a kernel may come from a test's static data. Machines that have less stay as they are.
#include <hwy/highway.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace onecopy::worker::kernels {
namespace {

bool limit_targets() {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): before main, there is one thread
  const char* const name = std::getenv("ONECOPY_TEST_TARGETS");
  if (name == nullptr) return false;
  for (const std::int64_t target : {HWY_AVX3_DL, HWY_AVX3, HWY_AVX2, HWY_SCALAR}) {
    if (std::strcmp(name, hwy::TargetName(target)) != 0) continue;
    hwy::DisableTargets(target - 1);  // better targets have lower bits
    return true;
  }
  std::fprintf(stderr, "ONECOPY_TEST_TARGETS: no target is called %s\n", name);
  std::abort();
}

[[maybe_unused]] const bool kLimited = limit_targets();

}  // namespace
}  // namespace onecopy::worker::kernels
