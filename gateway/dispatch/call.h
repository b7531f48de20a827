// One HTTP request's work: one or more texts for one model, and what becomes of them.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "gateway/dispatch/fair_queue.h"
#include "gateway/dispatch/model_catalogue.h"
#include "gateway/http/http_message.h"
#include "shared/base/event_loop.h"
#include "shared/base/status.h"
#include "shared/protocol/mailbox.h"

namespace onecopy::gateway {

class Call;
class Batch;
class Dispatcher;

// What a route wants to have computed.
struct Work {
  struct Text {
    std::string text;
    std::optional<std::string> pair;
  };
  ModelPtr model;
  std::vector<Text> texts;  // at least one
  QaParams qa;
  TextParams text_params;
  std::optional<Milliseconds> timeout;
};

// One text on its way: queued (place), in a batch on a worker (batch), answered, or given up.
struct WorkItem {
  Call* call = nullptr;
  std::size_t index = 0;  // in its call
  int deaths = 0;         // workers that ended while they had it
  int crashes = 0;        // of these, the ones that nobody killed
  std::optional<FairQueue::Place> place;
  Batch* batch = nullptr;
};

// Class Call: owns the texts until the reply is made. Its owner is the client's connection, through
// PendingReply: destroyed unanswered, it takes its items out of the queue and out of the workers'
// hands. Answers exactly once: with all replies in the order of the texts, with the first error, or
// with kDeadline.
class Call final : public PendingReply {
 public:
  using Replies = std::vector<WorkReply>;
  // Makes the body from the replies; an error (too large, say) is answered instead.
  using Format = std::function<Result<std::string>(const Work&, const Replies&)>;

  Call(EventLoop& loop, Dispatcher& dispatcher, ReplySink& sink, Work work, Format format,
       Milliseconds default_timeout);
  ~Call() override;

  const Model& model() const { return *work_.model; }
  std::vector<WorkItem>& items() { return items_; }
  WorkRequest request_of(const WorkItem& item) const;
  std::size_t text_bytes(const WorkItem& item) const;
  // About how many tokens a worker will compute for it. The gateway has no tokenizer.
  std::size_t estimated_tokens(const WorkItem& item) const;
  Clock::time_point deadline() const { return deadline_; }
  bool is_answered() const { return answered_; }

  void item_done(const WorkItem& item, WorkReply reply);
  void fail_with(const Error& error);
  void expire();  // kDeadline

 private:
  void answer(HttpReply reply);

  Dispatcher& dispatcher_;
  ReplySink& sink_;
  Work work_;
  Format format_;
  std::vector<WorkItem> items_;
  Replies replies_;
  std::size_t missing_;
  Milliseconds timeout_;
  Clock::time_point deadline_;
  Timer timer_;
  bool answered_ = false;
};

}  // namespace onecopy::gateway
