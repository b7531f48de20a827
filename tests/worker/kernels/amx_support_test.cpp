// A system that keeps AMX from the process: a filter of system calls, as containers have them.
#include "worker/kernels/amx_support.h"

#include <errno.h>
#include <gmock/gmock.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <array>
#include <cstddef>
#include <cstdlib>

#include "worker/kernels/amx_product.h"
#include "worker/kernels/back_ends.h"

namespace onecopy::worker::kernels {
namespace {

using testing::Contains;
using testing::HasSubstr;

// From here on this process's arch_prctl fails.
bool forbid_arch_prctl() {
  std::array<sock_filter, 4> filter{{
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_arch_prctl, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  }};
  const sock_fprog program{filter.size(), filter.data()};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

// In a process of its own: the system is asked once.
[[noreturn]] void choose_without_leave() {
  if (!forbid_arch_prctl()) std::_Exit(1);
  if (has_amx() || amx_bf16_product() != nullptr || amx_int8_product() != nullptr) std::_Exit(2);
  const BackEnds& chosen = default_back_ends();
  if (chosen.attention != nullptr || !self_test(*chosen.int8).empty()) std::_Exit(3);
  const bool said = testing::Matches(Contains(HasSubstr("without AMX")))(chosen.notes);
  std::_Exit(said == amx_is_refused() ? 0 : 4);
}

TEST(AmxSupportDeathTest, WithoutLeaveTheOthersServeAndTheLogSaysSo) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(choose_without_leave(), testing::ExitedWithCode(0), "");
}

TEST(AmxSupport, GoesWithItsProducts) {
  EXPECT_EQ(amx_bf16_product() != nullptr, has_amx());
  EXPECT_EQ(amx_int8_product() != nullptr, has_amx());
  EXPECT_FALSE(has_amx() && amx_is_refused());
}

}  // namespace
}  // namespace onecopy::worker::kernels
