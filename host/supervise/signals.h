// Signals to the host as events.
#pragma once

#include <functional>

#include "shared/base/event_loop.h"

namespace onecopy::host {

// Class Signals: from its start on SIGTERM, SIGINT, SIGHUP, SIGQUIT and SIGCHLD are blocked and
// given to the callback, SIGPIPE is ignored. Owns the descriptor; borrows the loop. One thread.
class Signals final : public EventHandler {
 public:
  Signals(EventLoop& loop, std::function<void(int)> on_signal)
      : loop_(loop), on_signal_(std::move(on_signal)) {}
  ~Signals() override;
  Status start();
  void on_events(std::uint32_t events) override;

 private:
  EventLoop& loop_;
  std::function<void(int)> on_signal_;
  UniqueFd fd_;
};

// In a forked child: as if they had never been blocked.
void unblock_signals();

}  // namespace onecopy::host
