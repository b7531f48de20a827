#include "worker/answer.h"

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

}  // namespace

WorkReply answer(const ServedModel& served, const WorkRequest& request, Workspace& workspace) {
  try {
    auto reply = answer_by_task(served, request, workspace);
    if (reply) return std::move(*reply);
    WorkReply refused;
    refused.error = reply.error();
    return refused;
  } catch (const std::bad_alloc&) {
    WorkReply refused;
    refused.error = Error{ErrorCode::kSystem, "the worker ran out of memory for this request"};
    return refused;
  }
}

}  // namespace onecopy::worker
