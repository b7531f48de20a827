#include "gateway/call.h"

#include <utility>

#include "gateway/dispatcher.h"
#include "gateway/reply_json.h"

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
      deadline_(Clock::now() + timeout_),
      timer_(loop, [this] { expire(); }) {
  for (std::size_t i = 0; i < items_.size(); ++i) {
    items_[i].call = this;
    items_[i].index = i;
  }
  timer_.set(deadline_);
}

Call::~Call() { dispatcher_.give_up(*this); }

WorkRequest Call::request_of(const WorkItem& item) const {
  const Work::Text& text = work_.texts[item.index];
  WorkRequest request;
  request.segment = work_.model->segment;
  request.task = work_.model->info.task;
  request.qa = work_.qa;
  request.text_params = work_.text_params;
  request.text = text.text;
  if (text.pair) request.pair = *text.pair;
  request.deadline = deadline_;
  return request;
}

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
  dispatcher_.give_up(*this);
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
  timer_.clear();
  sink_.reply(std::move(reply));
}

}  // namespace onecopy::gateway
