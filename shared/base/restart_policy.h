// How soon a process that ended is started again.
#pragma once

#include <algorithm>
#include <chrono>

namespace onecopy {

// One that ran for a while is replaced at once; one that keeps ending early waits longer each time,
// so that a fault that comes back at every start does not eat the machine. One thread.
class RestartPolicy {
 public:
  using Clock = std::chrono::steady_clock;

  // The delay before the next start of a process that ran for `lifetime`.
  std::chrono::milliseconds delay_after(Clock::duration lifetime) {
    if (lifetime >= kLongEnough) early_ends_ = 0;
    const auto delay = early_ends_ == 0
                           ? std::chrono::milliseconds(0)
                           : std::min(kLongest, kFirst * (1 << std::min(early_ends_ - 1, 10)));
    ++early_ends_;
    return delay;
  }

 private:
  static constexpr auto kLongEnough = std::chrono::seconds(1);
  static constexpr std::chrono::milliseconds kFirst{50};
  static constexpr std::chrono::milliseconds kLongest{500};
  int early_ends_ = 0;
};

}  // namespace onecopy
