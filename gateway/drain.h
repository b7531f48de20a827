// The way out: unready, no new clients, finish what is under way, and give up on what does not end
// in time.
#pragma once

#include <functional>

#include "shared/base/event_loop.h"

namespace onecopy::gateway {

// Class Drain: decides when the gateway may end. One thread.
class Drain {
 public:
  // `is_done`: nothing is under way any more. `give_up`: answer all the rest now. `finished` is
  // called once.
  Drain(EventLoop& loop, Milliseconds deadline, std::function<bool()> is_done,
        std::function<void()> give_up, std::function<void()> finished);

  void begin();  // again: nothing happens
  // Something ended: perhaps all has.
  void check();

 private:
  void on_deadline();
  void finish();

  EventLoop& loop_;
  const Milliseconds deadline_;
  std::function<bool()> is_done_;
  std::function<void()> give_up_;
  std::function<void()> finished_;
  Timer timer_;
  bool begun_ = false;
  bool gave_up_ = false;
  bool finished_once_ = false;
};

}  // namespace onecopy::gateway
