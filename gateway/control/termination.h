// Signals that ask a process to end, as an event.
#pragma once

#include <functional>

#include "shared/base/event_loop.h"
#include "shared/base/status.h"
#include "shared/base/unique_fd.h"

namespace onecopy::gateway {

// Class Termination: owns the signals' descriptor. The signals must be blocked in every thread
// (block_termination at the start of main). One thread.
class Termination final : public EventHandler {
 public:
  // `asked` hears the signal's number.
  Termination(EventLoop& loop, std::function<void(int)> asked)
      : loop_(loop), asked_(std::move(asked)) {}
  ~Termination() override;
  Status start();
  void on_events(std::uint32_t events) override;

 private:
  EventLoop& loop_;
  std::function<void(int)> asked_;
  UniqueFd signals_;
};

// SIGTERM, SIGINT, SIGHUP and SIGQUIT.
void block_termination();

}  // namespace onecopy::gateway
