#include "shared/base/event_loop.h"

#include <algorithm>
#include <array>
#include <cerrno>

namespace onecopy {

Result<std::unique_ptr<EventLoop>> EventLoop::create() {
  UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) return fail(ErrorCode::kSystem, "cannot create an epoll: {}", errno_text());
  return std::unique_ptr<EventLoop>(new EventLoop(std::move(epoll)));
}

std::uint64_t EventLoop::tag(int fd) const {
  return std::uint64_t{slots_[static_cast<std::size_t>(fd)].generation} << 32U |
         static_cast<std::uint32_t>(fd);
}

Status EventLoop::add(int fd, std::uint32_t events, EventHandler& handler) {
  if (fd < 0) return fail(ErrorCode::kSystem, "cannot watch a descriptor: there is none");
  const auto index = static_cast<std::size_t>(fd);
  if (slots_.size() <= index) slots_.resize(index + 1);
  ++slots_[index].generation;
  epoll_event event{.events = events, .data = {.u64 = tag(fd)}};
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
    return fail(ErrorCode::kSystem, "cannot watch a descriptor: {}", errno_text());
  }
  slots_[index].handler = &handler;
  return {};
}

void EventLoop::modify(int fd, std::uint32_t events) {
  epoll_event event{.events = events, .data = {.u64 = tag(fd)}};
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event);
}

void EventLoop::remove(int fd) {
  const auto index = static_cast<std::size_t>(fd);
  if (index >= slots_.size() || slots_[index].handler == nullptr) return;
  slots_[index].handler = nullptr;
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

int EventLoop::next_timeout_ms() const {
  if (!soon_.empty()) return 0;
  if (timers_.empty()) return -1;
  const auto left = timers_.begin()->first - Clock::now();
  // Rounded up: to wake before the time has come would be to wake in vain.
  const auto ms = std::chrono::ceil<Milliseconds>(left).count();
  return static_cast<int>(std::clamp<std::int64_t>(ms, 0, 3'600'000));
}

void EventLoop::fire_timers() {
  const auto now = Clock::now();
  while (!timers_.empty() && timers_.begin()->first <= now) {
    Timer& timer = *timers_.begin()->second;
    timer.clear();
    const auto callback = timer.callback_;  // a copy: the call may destroy the timer
    callback();
  }
}

void EventLoop::run_tasks() {
  // Tasks added meanwhile wait for the next round, so that they cannot starve the sockets.
  const auto tasks = std::exchange(soon_, {});
  for (const auto& task : tasks) task();
  while (!disposed_.empty()) {
    const auto objects = std::exchange(disposed_, {});
  }
}

void EventLoop::run() {
  std::array<epoll_event, 128> events;
  while (!stopped_) {
    const int n = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()),
                               next_timeout_ms());
    for (int i = 0; i < n; ++i) {
      const epoll_event& event = events[static_cast<std::size_t>(i)];
      const Slot& slot = slots_[static_cast<std::uint32_t>(event.data.u64)];
      if (slot.handler == nullptr || slot.generation != event.data.u64 >> 32U) continue;
      slot.handler->on_events(event.events);
    }
    fire_timers();
    run_tasks();
  }
  stopped_ = false;
}

void Timer::set(Clock::time_point when) {
  clear();
  when_ = when;
  armed_ = true;
  loop_.timers_.emplace(when_, this);
}

void Timer::clear() {
  if (!armed_) return;
  armed_ = false;
  loop_.timers_.erase({when_, this});
}

}  // namespace onecopy
