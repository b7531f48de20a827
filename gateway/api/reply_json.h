// Results and errors as replies: the one place that decides their JSON and their status codes.
#pragma once

#include <string>
#include <vector>

#include "gateway/dispatch/call.h"
#include "gateway/http/http_message.h"
#include "shared/base/status.h"

namespace onecopy::gateway {

int http_status(ErrorCode code);
// 429 and 503 say when to come back.
HttpReply error_reply(const Error& error, int retry_after_s);

// Each makes the body from the replies to `work`. kTooLarge beyond limits::kReplyBytes; kInternal
// when a worker computed something that is no number or not of the model's size.

// {"score","start","end","answer"} for exactly one answer, else a list, as Hugging Face's pipeline
// returns them.
Result<std::string> format_answers(const Work& work, const Call::Replies& replies);
// {"LABEL": value, ...}, greatest value first, as TorchServe's text classification.
Result<std::string> format_labels(const Work& work, const Call::Replies& replies);
// [[...], ...], one vector for each text.
Result<std::string> format_vectors(const Work& work, const Call::Replies& replies);

}  // namespace onecopy::gateway
