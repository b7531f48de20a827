#include "gateway/dispatch/computation.h"

#include <algorithm>

namespace onecopy::gateway {

Computation::Computation(Answers& answers, std::shared_ptr<const Work> work,
                         const AnswerWait& first)
    : answers_(answers), work_(std::move(work)), key_(first.key) {
  item_.owner = this;
  item_.work = work_.get();
  item_.index = first.index;
  item_.tokens = estimated_tokens(*work_, item_.text());
  item_.since = Clock::now();
  item_.deadline = first.deadline;
  item_.may_be_joined = key_.has_value() && !work_->no_cache;
}

void Computation::add(AnswerWait& wait) {
  wait.computation = this;
  waits_.push_back(wait);
  item_.deadline = std::max(item_.deadline, wait.deadline);
}

void Computation::remove(AnswerWait& wait) {
  wait.computation = nullptr;
  waits_.erase(waits_.iterator_to(wait));
  if (waits_.empty() || wait.deadline < item_.deadline) return;
  item_.deadline = std::ranges::max_element(waits_, {}, &AnswerWait::deadline)->deadline;
}

AnswerWait& Computation::take_first() {
  AnswerWait& wait = waits_.front();
  wait.computation = nullptr;
  waits_.pop_front();
  return wait;
}

void Computation::item_done(WorkReply reply) { answers_.on_reply(*this, std::move(reply)); }

void Computation::fail_with(const Error& error) { answers_.on_error(*this, error); }

void Computation::expire() { answers_.on_expiry(*this); }

}  // namespace onecopy::gateway
