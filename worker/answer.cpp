#include "worker/answer.h"

#include <algorithm>
#include <cmath>
#include <new>
#include <utility>

namespace onecopy::worker {
namespace {

Result<WorkReply> answer_by_task(const ServedModel& served, const WorkRequest& request,
                                 Workspace& workspace) {
  if (request.task != served.info().task) {
    return fail(ErrorCode::kInvalidArgument, "model {} does {}, not {}", served.info().name,
                to_string(served.info().task), to_string(request.task));
  }
  switch (request.task) {
    case Task::kQuestionAnswering:
      return answer_question(served, request, workspace);
    case Task::kSequenceClassification:
      return classify(served, request, workspace);
    case Task::kEmbedding:
      return embed(served, request, workspace);
  }
  return fail(ErrorCode::kInternal, "a task without an implementation");
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

}  // namespace

WorkReply refusal(const Error& error) {
  WorkReply reply;
  reply.error = error;
  return reply;
}

WorkReply answer(const ServedModel& served, const WorkRequest& request, Workspace& workspace) {
  try {
    auto reply = answer_by_task(served, request, workspace);
    if (!reply) return refusal(reply.error());
    if (auto finite = check_finite(*reply, served.info()); !finite) return refusal(finite.error());
    return std::move(*reply);
  } catch (const std::bad_alloc&) {
    return refusal({ErrorCode::kSystem, "the worker ran out of memory for this request"});
  }
}

}  // namespace onecopy::worker
