#include "gateway/dispatch/call.h"

#include <algorithm>
#include <utility>

#include "gateway/api/reply_json.h"
#include "gateway/dispatch/dispatcher.h"

namespace onecopy::gateway {
namespace {

// English prose has 4 to 5 bytes a token in BERT's and RoBERTa's vocabularies; German, Russian and
// Chinese text in UTF-8 has 2 to 3. A guess that is off costs little: the worker counts exactly and
// cuts a batch that is too large in parts.
constexpr std::size_t kBytesPerToken = 4;
constexpr std::size_t kSpecialTokens = 3;  // [CLS] a [SEP] b [SEP]

}  // namespace

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

std::size_t Call::text_bytes(const WorkItem& item) const {
  const Work::Text& text = work_.texts[item.index];
  return text.text.size() + (text.pair ? text.pair->size() : 0);
}

std::size_t Call::estimated_tokens(const WorkItem& item) const {
  const std::size_t tokens = kSpecialTokens + text_bytes(item) / kBytesPerToken;
  // A long context is computed in windows, all of it; any other long text is cut.
  if (work_.model->info.task == Task::kQuestionAnswering) return tokens;
  return std::min<std::size_t>(tokens, work_.model->info.max_tokens);
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
