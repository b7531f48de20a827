// One request from its text to its reply: tokenize, encode, head.
#pragma once

#include "shared/mailbox.h"
#include "shared/status.h"
#include "worker/encoder/workspace.h"
#include "worker/served_model.h"

namespace onecopy::worker {

// Never throws for bad input: what is wrong with the request comes back as the reply's error.
WorkReply answer(const ServedModel& served, const WorkRequest& request, Workspace& workspace);

// A reply that is this error.
WorkReply refusal(const Error& error);

// The tasks; each expects a model of its own task. text is the question, pair the context.
Result<WorkReply> answer_question(const ServedModel& served, const WorkRequest& request,
                                  Workspace& workspace);
Result<WorkReply> classify(const ServedModel& served, const WorkRequest& request,
                           Workspace& workspace);
Result<WorkReply> embed(const ServedModel& served, const WorkRequest& request,
                        Workspace& workspace);

}  // namespace onecopy::worker
