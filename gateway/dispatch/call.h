// One HTTP request's work: one or more texts for one model, and what becomes of them.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "gateway/dispatch/answers.h"
#include "gateway/dispatch/work.h"
#include "gateway/http/http_message.h"
#include "shared/base/event_loop.h"
#include "shared/base/status.h"
#include "shared/protocol/mailbox.h"

namespace onecopy::gateway {

// Class Call: collects the texts' answers until the reply is made; borrows what gives them. Its
// owner is the client's connection, through PendingReply: destroyed unanswered, it leaves what it
// waits for. Answers exactly once: with all replies in the order of the texts, with the first error,
// or with kDeadline. One thread.
class Call final : public PendingReply, private AnswerTaker {
 public:
  using Replies = std::vector<WorkReply>;
  // Makes the body from the replies; an error (too large, say) is answered instead.
  using Format = std::function<Result<std::string>(const Work&, const Replies&)>;

  Call(EventLoop& loop, Answers& answers, ReplySink& sink, Work work, Format format,
       Milliseconds default_timeout);
  ~Call() override;

  // First: whether that was all, and the reply is made.
  bool answer_from_cache();
  // Then, unless it was: the other texts are computed. kBusy: none is, and nothing is answered.
  Status compute() { return answers_.compute(work_, waits_); }

  bool is_queued() const { return Answers::is_queued(waits_); }  // a text waits for a worker
  const Model& model() const { return *work_->model; }

 private:
  void take(std::size_t index, WorkReply reply) override;
  void fail_with(const Error& error) override;
  void expire() override;
  void finish();
  void answer(HttpReply reply);

  Answers& answers_;
  ReplySink& sink_;
  std::shared_ptr<const Work> work_;
  Format format_;
  std::vector<AnswerWait> waits_;  // one for each text
  Replies replies_;
  std::size_t missing_;
  bool is_hit_ = false;  // all came from the cache
  Milliseconds timeout_;
  Timer timer_;
  bool answered_ = false;
};

}  // namespace onecopy::gateway
