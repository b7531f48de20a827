#include "gateway/dispatch/call.h"

#include <utility>

#include "gateway/api/reply_json.h"

namespace onecopy::gateway {

Call::Call(EventLoop& loop, Answers& answers, ReplySink& sink, Work work, Format format,
           Milliseconds default_timeout)
    : answers_(answers),
      sink_(sink),
      work_(std::make_shared<const Work>(std::move(work))),
      format_(std::move(format)),
      waits_(work_->texts.size()),
      replies_(work_->texts.size()),
      missing_(work_->texts.size()),
      timeout_(work_->timeout.value_or(default_timeout)),
      timer_(loop, [this] { expire(); }) {
  const auto deadline = Clock::now() + timeout_;
  for (std::size_t i = 0; i < waits_.size(); ++i) {
    waits_[i].taker = this;
    waits_[i].index = i;
    waits_[i].deadline = deadline;
  }
  timer_.set(deadline);
}

Call::~Call() { answers_.leave(waits_); }

bool Call::answer_from_cache() {
  for (AnswerWait& wait : waits_) {
    std::optional<WorkReply> reply = answers_.find(*work_, wait);
    if (!reply) continue;
    replies_[wait.index] = std::move(*reply);
    wait.is_answered = true;
    --missing_;
  }
  is_hit_ = missing_ == 0;
  if (is_hit_) finish();
  return is_hit_;
}

void Call::take(std::size_t index, WorkReply reply) {
  if (answered_) return;
  replies_[index] = std::move(reply);
  if (--missing_ == 0) finish();
}

void Call::finish() {
  Result<std::string> body = format_(*work_, replies_);
  if (!body) return fail_with(body.error());
  HttpReply reply{200, std::move(*body), 0, {}};
  if (answers_.is_on()) reply.headers.emplace_back("X-Cache", is_hit_ ? "hit" : "miss");
  answer(std::move(reply));
}

void Call::fail_with(const Error& error) {
  if (answered_) return;
  answers_.leave(waits_);
  answer(error_reply(error, answers_.retry_after_s()));
}

void Call::expire() {
  fail_with(
      {ErrorCode::kDeadline,
       fmt::format("no answer within {} ms; send a larger X-Request-Timeout-Ms or retry later",
                   timeout_.count())});
}

// The last thing that a call does: the sink may destroy it.
void Call::answer(HttpReply reply) {
  answered_ = true;
  work_->model->usage.count(work_->is_shadow, reply.status >= 400);
  reply.headers.emplace_back("X-Model-Version", std::to_string(work_->model->version));
  timer_.clear();
  sink_.reply(std::move(reply));
}

}  // namespace onecopy::gateway
