// What a request asks for, by endpoint: the fields' names, types and ranges.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/api/request_fields.h"
#include "gateway/dispatch/call.h"
#include "gateway/http/http_message.h"
#include "shared/base/status.h"

namespace onecopy::gateway {

// {"question", "context", ...}: the parameters of Hugging Face's question-answering pipeline.
Result<Work> parse_question(RequestFields fields);

// {"text", "text_pair", "function_to_apply", "truncation", "max_length"}
Result<Work> parse_classification(RequestFields fields);
// A text alone, as TorchServe takes it.
Result<Work> parse_plain_text(std::string body);

struct EmbedRequest {
  std::optional<std::string> model;
  std::optional<std::uint32_t> version;
  Work work;  // without its model
};
// {"inputs", "model", "version", "normalize", "truncate"}
Result<EmbedRequest> parse_embed(RequestFields fields);

// kMediaType unless a text can be sent under this type: application/json and others of JSON,
// text/plain, none, and the two that clients send of themselves.
Status check_text_type(std::string_view content_type);
// Whether such a body is JSON or the text itself. application/json is JSON and text/plain is text;
// without a type, and with the one that `curl -d` sends of itself, a body that starts with '{' is
// JSON.
bool is_json_body(std::string_view content_type, std::string_view body);

// Whether a Cache-Control header asks for a new answer: no-cache.
bool wants_no_cache(const HttpRequest& request);
// X-Request-Timeout-Ms: 1 to limits::kMaxRequestDeadline.
Result<std::optional<Milliseconds>> parse_timeout(std::optional<std::string_view> header);

}  // namespace onecopy::gateway
