#include "worker/answer/answer.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <utility>

#include "shared/base/limits.h"
#include "worker/answer/task_run.h"
#include "worker/encoder/encoder.h"
#include "worker/encoder/head_logits.h"

namespace onecopy::worker {
namespace {

Status check_task(const WorkRequest& request, const ModelInfo& info) {
  if (request.task == info.task) return {};
  return fail(ErrorCode::kInvalidArgument, "model {} does {}, not {}", info.name,
              to_string(info.task), to_string(request.task));
}

// Weights that overflow or are damaged make scores that are no numbers; none of them leaves the
// worker.
Status check_finite(const WorkReply& reply, const ModelInfo& info) {
  const auto finite = [](auto value) { return std::isfinite(value); };
  const bool is_finite =
      std::all_of(reply.values.begin(), reply.values.end(), finite) &&
      std::all_of(reply.answers.begin(), reply.answers.end(),
                  [](const QaAnswer& answer) { return std::isfinite(answer.score); });
  if (is_finite) return {};
  return fail(ErrorCode::kInternal,
              "model {} computes scores that are not finite: its weights overflow or are damaged",
              info.name);
}

// What `step` returns, a Status or Result.
template <class Step>
auto within_memory(const Step& step) -> decltype(step()) {
  try {
    return step();
  } catch (const std::bad_alloc&) {
    return fail(ErrorCode::kSystem, "the worker ran out of memory for this request");
  }
}

// Class BatchAnswer: the requests' model inputs one behind the other, computed in parts of up to
// kBatchTokens, whichever request they are from. Weights are read once for each part.
class BatchAnswer {
 public:
  BatchAnswer(const ServedModel& served, std::span<const WorkRequest> requests,
              Workspace& workspace, const Interrupts& interrupts)
      : served_(served), workspace_(workspace), interrupts_(interrupts), slots_(requests.size()) {
    for (std::size_t i = 0; i < slots_.size(); ++i) slots_[i].request = &requests[i];
    replies_.reserve(slots_.size());
  }

  std::vector<WorkReply> replies() && {
    for (auto part = next_part(); !part.empty(); part = next_part()) {
      compute(part);
      finish_until(current_);
    }
    finish_until(slots_.size());
    return std::move(replies_);
  }

 private:
  struct Slot {
    const WorkRequest* request = nullptr;
    std::unique_ptr<TaskRun> run;
    std::optional<Error> error;  // then it takes no further part
  };
  struct Input {
    Slot* slot;
    Tokens tokens;
  };

  // Inputs in the order of their requests until the part is full; none when all were given.
  std::vector<Input> next_part() {
    std::vector<Input> part;
    gateway_is_gone_ = interrupts_.gateway_is_gone();
    std::size_t tokens = 0;
    while (current_ < slots_.size()) {
      std::optional<Tokens> input = next_input(slots_[current_]);
      if (!input) {
        ++current_;
        continue;
      }
      tokens += input->size();
      if (!part.empty() && tokens > limits::kBatchTokens) {
        waiting_ = std::move(input);
        break;
      }
      part.push_back({&slots_[current_], std::move(*input)});
    }
    return part;
  }

  // Whether somebody still waits for this request: the one place that drops it if not.
  Status check_wanted(const Slot& slot) const {
    const auto place = static_cast<std::size_t>(&slot - slots_.data());
    if (gateway_is_gone_ || interrupts_.is_cancelled(place)) {
      return fail(ErrorCode::kUnavailable, "nobody waits for this request any more");
    }
    const auto& deadline = slot.request->deadline;
    if (!deadline || std::chrono::steady_clock::now() < *deadline) return {};
    return fail(ErrorCode::kDeadline, "the request's deadline passed while it was computed");
  }

  std::optional<Tokens> next_input(Slot& slot) {
    std::optional<Tokens> waiting = std::exchange(waiting_, std::nullopt);
    if (slot.error) return std::nullopt;
    auto input = within_memory([&]() -> Result<std::optional<Tokens>> {
      RETURN_IF_ERROR(check_wanted(slot));
      if (waiting) return std::move(waiting);
      if (!slot.run) {
        workspace_.pool().show_progress();  // tokenizing is none of the pool's work
        ASSIGN_OR_RETURN(slot.run, prepare(*slot.request));
      }
      return slot.run->next_input();
    });
    if (input) return std::move(*input);
    slot.error = input.error();
    return std::nullopt;
  }

  PreparedRun prepare(const WorkRequest& request) {
    RETURN_IF_ERROR(check_task(request, served_.info()));
    switch (request.task) {
      case Task::kQuestionAnswering:
        return answer_question(served_, request, questions_);
      case Task::kSequenceClassification:
        return classify(served_, request);
      case Task::kEmbedding:
        return embed(served_, request);
    }
    return fail(ErrorCode::kInternal, "a task without an implementation");
  }

  void compute(std::span<const Input> part) {
    const Status computed = within_memory([&] { return encode_and_consume(part); });
    if (computed) return;
    if (part.size() == 1) {
      part[0].slot->error = computed.error();
      return;
    }
    // The encoder refuses a batch for any one of its sequences: the others are innocent.
    for (std::size_t i = 0; i < part.size(); ++i) compute(part.subspan(i, 1));
  }

  // The one place that knows how a batch's hidden states belong to its inputs. Fails before
  // anything is consumed.
  Status encode_and_consume(std::span<const Input> part) {
    std::vector<std::int32_t> ids;
    std::vector<std::int32_t> type_ids;
    std::vector<std::uint32_t> starts{0};
    for (const Input& input : part) {
      ids.insert(ids.end(), input.tokens.ids.begin(), input.tokens.ids.end());
      type_ids.insert(type_ids.end(), input.tokens.type_ids.begin(), input.tokens.type_ids.end());
      starts.push_back(static_cast<std::uint32_t>(ids.size()));
    }
    const OutputRows rows = rows_read(served_.info());
    ASSIGN_OR_RETURN(const auto hidden,
                     encode(*served_.model, {ids, type_ids, starts}, workspace_, rows));
    const std::size_t width = served_.info().hidden;
    for (std::size_t i = 0; i < part.size(); ++i) {
      const bool first = rows == OutputRows::kFirst;
      consume(part[i], hidden.subspan((first ? i : starts[i]) * width,
                                      (first ? 1 : part[i].tokens.size()) * width));
    }
    return {};
  }

  void consume(const Input& input, std::span<const float> hidden) {
    Slot& slot = *input.slot;
    if (slot.error) return;
    workspace_.pool().show_progress();
    const Status consumed =
        within_memory([&] { return slot.run->consume(input.tokens, hidden, workspace_); });
    if (!consumed) slot.error = consumed.error();
  }

  // Replies to the requests before this one, whose inputs are all consumed; their memory is free
  // before that of the next ones is needed.
  void finish_until(std::size_t end) {
    for (std::size_t i = replies_.size(); i < end; ++i) {
      replies_.push_back(reply_of(slots_[i]));
      slots_[i].run.reset();
    }
  }

  WorkReply reply_of(Slot& slot) {
    if (slot.error) return refusal(*slot.error);
    auto reply = within_memory([&]() -> Result<WorkReply> { return slot.run->finish(); });
    if (!reply) return refusal(reply.error());
    const Status finite = check_finite(*reply, served_.info());
    return finite ? std::move(*reply) : refusal(finite.error());
  }

  const ServedModel& served_;
  Workspace& workspace_;
  const Interrupts interrupts_;
  bool gateway_is_gone_ = false;  // as of the last part
  std::vector<Slot> slots_;
  std::vector<WorkReply> replies_;  // to the first slots
  std::size_t current_ = 0;         // the slot whose inputs are given next
  std::optional<Tokens> waiting_;   // its input that found the last part full
  QuestionCache questions_;
};

}  // namespace

WorkReply refusal(const Error& error) {
  WorkReply reply;
  reply.error = error;
  return reply;
}

std::vector<WorkReply> answer(const ServedModel& served, std::span<const WorkRequest> requests,
                              Workspace& workspace, const Interrupts& interrupts) {
  return BatchAnswer(served, requests, workspace, interrupts).replies();
}

}  // namespace onecopy::worker
