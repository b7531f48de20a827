// Runs an event loop until something has happened.
#pragma once

#include <functional>

#include "shared/base/event_loop.h"

namespace onecopy {

// False after a time that only a hang reaches.
inline bool run_until(EventLoop& loop, const std::function<bool()>& condition) {
  const auto deadline = Clock::now() + std::chrono::seconds(60);
  const std::function<void()> look = [&] {
    if (condition() || Clock::now() > deadline) {
      loop.stop();
    } else {
      loop.run_soon(look);
    }
  };
  loop.run_soon(look);
  loop.run();
  return condition();
}

}  // namespace onecopy
