#include "gateway/dispatch/shadow_traffic.h"

#include <utility>

#include "shared/base/limits.h"

namespace onecopy::gateway {

void ShadowTraffic::offer(Work work, Call::Format format) {
  if (waiting_.size() >= limits::kShadows) {
    ++work.model->usage.shadows_dropped;
    return;
  }
  work.is_shadow = true;
  const Milliseconds timeout = work.timeout.value_or(timeout_);
  waiting_.push_back({std::move(work), std::move(format), Clock::now() + timeout});
  on_load_changed();
}

void ShadowTraffic::before_real_request() {
  for (const auto& copy : std::list(running_)) {
    // Texts of it that no worker has yet would wait before those of the request.
    if (copy->call->is_queued()) give_up(*copy);
  }
}

void ShadowTraffic::after_real_request() {
  if (dispatcher_.queued() == 0) return;
  for (const auto& copy : std::list(running_)) give_up(*copy);
}

void ShadowTraffic::on_load_changed() {
  if (waiting_.empty() || dispatcher_.idle() == 0 || std::exchange(start_is_due_, true)) return;
  // Not within the dispatcher's work: the real request's answer comes first.
  loop_.run_soon([this, alive = std::weak_ptr(alive_)] {
    if (!alive.expired()) start_waiting();
  });
}

void ShadowTraffic::start_waiting() {
  start_is_due_ = false;
  while (!waiting_.empty() && dispatcher_.queued() == 0 && dispatcher_.idle() > 0) {
    Copy next = std::move(waiting_.front());
    waiting_.pop_front();
    if (next.until <= Clock::now()) {
      ++next.work.model->usage.shadows_dropped;
    } else {
      start(std::move(next));
    }
  }
}

void ShadowTraffic::start(Copy copy) {
  auto running = std::make_shared<Running>(*this);
  running->place = running_.insert(running_.end(), running);
  const ModelPtr model = copy.work.model;
  running->call = std::make_unique<Call>(loop_, answers_, *running, std::move(copy.work),
                                         std::move(copy.format), timeout_);
  if (running->call->compute()) return;
  ++model->usage.shadows_dropped;
  running_.erase(running->place);
}

void ShadowTraffic::give_up(Running& copy) {
  ++copy.call->model().usage.shadows_dropped;
  running_.erase(copy.place);
}

void ShadowTraffic::Running::reply(HttpReply /*reply*/) {
  const auto self = *place;
  owner_.running_.erase(place);
  owner_.loop_.dispose(self);  // it is called by its own call
}

}  // namespace onecopy::gateway
