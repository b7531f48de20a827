// One HTTP request's work: one or more texts for one model, and what becomes of them.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "gateway/dispatch/work.h"
#include "gateway/http/http_message.h"
#include "shared/base/event_loop.h"
#include "shared/base/status.h"
#include "shared/protocol/mailbox.h"

namespace onecopy::gateway {

class Dispatcher;

// Class Call: owns the texts until the reply is made. Its owner is the client's connection, through
// PendingReply: destroyed unanswered, it takes its items out of the queue and out of the workers'
// hands. Answers exactly once: with all replies in the order of the texts, with the first error, or
// with kDeadline.
class Call final : public PendingReply, private WorkOwner {
 public:
  using Replies = std::vector<WorkReply>;
  // Makes the body from the replies; an error (too large, say) is answered instead.
  using Format = std::function<Result<std::string>(const Work&, const Replies&)>;

  Call(EventLoop& loop, Dispatcher& dispatcher, ReplySink& sink, Work work, Format format,
       Milliseconds default_timeout);
  ~Call() override;

  std::vector<WorkItem>& items() { return items_; }
  const Model& model() const { return *work_.model; }

 private:
  void item_done(const WorkItem& item, WorkReply reply) override;
  void fail_with(const Error& error) override;
  void expire() override;
  void answer(HttpReply reply);

  Dispatcher& dispatcher_;
  ReplySink& sink_;
  Work work_;
  Format format_;
  std::vector<WorkItem> items_;
  Replies replies_;
  std::size_t missing_;
  Milliseconds timeout_;
  Timer timer_;
  bool answered_ = false;
};

}  // namespace onecopy::gateway
