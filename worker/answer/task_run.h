// One request of a batch on its way from texts to reply. A task is its model inputs and what it
// makes of their hidden states; answer.cpp does what is the same for all tasks.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "shared/base/status.h"
#include "shared/protocol/mailbox.h"
#include "shared/tokenizer/tokenizer.h"
#include "worker/answer/served_model.h"
#include "worker/encoder/workspace.h"

namespace onecopy::worker {

// Class TaskRun: borrows the model and the request's texts. One thread.
class TaskRun {
 public:
  virtual ~TaskRun() = default;
  // The next model input of this request; nothing when all have been given.
  virtual std::optional<Tokens> next_input() = 0;
  // Hidden states of an input that next_input() gave, in their order: [input.size(), hidden], or
  // [1, hidden] where the head reads only the first row (rows_read() in encoder/heads.h).
  virtual Status consume(const Tokens& input, std::span<const float> hidden,
                         Workspace& workspace) = 0;
  // Once all inputs are consumed.
  virtual WorkReply finish() = 0;
};
using PreparedRun = Result<std::unique_ptr<TaskRun>>;

// Class QuestionCache: the last question that was tokenized, for the requests of a batch that ask
// the same of many contexts.
class QuestionCache {
 public:
  Result<std::shared_ptr<const Encoding>> encode(const Tokenizer& tokenizer, std::string_view text);

 private:
  std::string_view text_;
  std::shared_ptr<const Encoding> encoding_;
};

// The tasks: each tokenizes the request and checks its parameters; each expects a model of its own
// task. Errors are the request's. For questions, text is the question and pair the context.
PreparedRun answer_question(const ServedModel& served, const WorkRequest& request,
                            QuestionCache& questions);
PreparedRun classify(const ServedModel& served, const WorkRequest& request);
PreparedRun embed(const ServedModel& served, const WorkRequest& request);

}  // namespace onecopy::worker
