// One thread's events: epoll, timers, and work to do after the current event.
#pragma once

#include <sys/epoll.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "shared/base/clock.h"
#include "shared/base/status.h"
#include "shared/base/unique_fd.h"

namespace onecopy {

class EventHandler {
 public:
  virtual ~EventHandler() = default;
  virtual void on_events(std::uint32_t events) = 0;
};

class Timer;

// Class EventLoop: sleeps in epoll_wait until a descriptor or the next timer is due; nothing is
// polled. Borrows its handlers. One thread only; every method may be called from within a handler.
class EventLoop {
 public:
  static Result<std::unique_ptr<EventLoop>> create();

  // `handler` must stay until remove(fd). Descriptors may be reused: events of the old one that are
  // still in the current batch are dropped.
  Status add(int fd, std::uint32_t events, EventHandler& handler);
  void modify(int fd, std::uint32_t events);
  void remove(int fd);

  // Runs the task after the current handler has returned, before the next sleep.
  void run_soon(std::function<void()> task) { soon_.push_back(std::move(task)); }
  // Destroys the object at that time: for objects that end within a call of their own methods.
  void dispose(std::shared_ptr<void> object) { disposed_.push_back(std::move(object)); }

  void run();  // until stop(); may be run again
  void stop() { stopped_ = true; }

 private:
  friend class Timer;
  struct Slot {
    EventHandler* handler = nullptr;
    std::uint32_t generation = 0;
  };

  explicit EventLoop(UniqueFd epoll) : epoll_(std::move(epoll)) {}
  int next_timeout_ms() const;
  void fire_timers();
  void run_tasks();
  std::uint64_t tag(int fd) const;

  UniqueFd epoll_;
  std::vector<Slot> slots_;  // by descriptor
  std::set<std::pair<Clock::time_point, Timer*>> timers_;
  std::vector<std::function<void()>> soon_;
  std::vector<std::shared_ptr<void>> disposed_;
  bool stopped_ = false;
};

// Class Timer: calls back once when its time has come, unless cleared, set anew or destroyed
// before.
class Timer {
 public:
  Timer(EventLoop& loop, std::function<void()> callback)
      : loop_(loop), callback_(std::move(callback)) {}
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  ~Timer() { clear(); }

  void set(Clock::time_point when);
  void set_after(Milliseconds delay) { set(Clock::now() + delay); }
  void clear();

 private:
  friend class EventLoop;
  EventLoop& loop_;
  std::function<void()> callback_;
  Clock::time_point when_{};
  bool armed_ = false;
};

}  // namespace onecopy
