#include "gateway/drain.h"

#include <utility>

namespace onecopy::gateway {
namespace {

// For the last replies to reach their clients, when the deadline has passed already.
constexpr Milliseconds kLastReplies{1000};

}  // namespace

Drain::Drain(EventLoop& loop, Milliseconds deadline, std::function<bool()> is_done,
             std::function<void()> give_up, std::function<void()> finished)
    : loop_(loop),
      deadline_(deadline),
      is_done_(std::move(is_done)),
      give_up_(std::move(give_up)),
      finished_(std::move(finished)),
      timer_(loop, [this] { on_deadline(); }) {}

void Drain::begin() {
  if (begun_) return;
  begun_ = true;
  timer_.set_after(deadline_);
  // Not at once: the caller may be about to tell the connections.
  loop_.run_soon([this] { check(); });
}

void Drain::check() {
  if (begun_ && is_done_()) finish();
}

void Drain::on_deadline() {
  if (gave_up_) return finish();
  gave_up_ = true;
  timer_.set_after(kLastReplies);
  give_up_();
  check();
}

void Drain::finish() {
  if (std::exchange(finished_once_, true)) return;
  timer_.clear();
  finished_();
}

}  // namespace onecopy::gateway
