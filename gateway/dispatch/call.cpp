#include "gateway/dispatch/call.h"

#include <utility>

#include "gateway/api/reply_json.h"
#include "gateway/dispatch/dispatcher.h"

namespace onecopy::gateway {
Call::Call(EventLoop& loop, Dispatcher& dispatcher, ReplySink& sink, Work work, Format format,
           Milliseconds default_timeout)
    : dispatcher_(dispatcher),
      sink_(sink),
      work_(std::move(work)),
      format_(std::move(format)),
      items_(work_.texts.size()),
      replies_(work_.texts.size()),
      missing_(work_.texts.size()),
      timeout_(work_.timeout.value_or(default_timeout)),
      timer_(loop, [this] { expire(); }) {
  const auto now = Clock::now();
  const auto deadline = now + timeout_;
  for (std::size_t i = 0; i < items_.size(); ++i) {
    WorkItem& item = items_[i];
    item.owner = this;
    item.work = &work_;
    item.index = i;
    item.tokens = estimated_tokens(work_, work_.texts[i]);
    item.since = now;
    item.deadline = deadline;
  }
  timer_.set(deadline);
}

Call::~Call() { dispatcher_.give_up(items_); }

void Call::item_done(const WorkItem& item, WorkReply reply) {
  if (answered_) return;
  if (reply.error) return fail_with(*reply.error);
  replies_[item.index] = std::move(reply);
  if (--missing_ > 0) return;
  Result<std::string> body = format_(work_, replies_);
  if (!body) return fail_with(body.error());
  answer({200, std::move(*body), 0, {}});
}

void Call::fail_with(const Error& error) {
  if (answered_) return;
  dispatcher_.give_up(items_);
  answer(error_reply(error, dispatcher_.retry_after_s()));
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
  work_.model->usage.count(work_.is_shadow, reply.status >= 400);
  reply.headers.emplace_back("X-Model-Version", std::to_string(work_.model->version));
  timer_.clear();
  sink_.reply(std::move(reply));
}

}  // namespace onecopy::gateway
