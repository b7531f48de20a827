#include "gateway/api/reply_json.h"

#include <fmt/compile.h>

#include <algorithm>
#include <iterator>
#include <numeric>
#include <string_view>

#include "gateway/api/json_text.h"
#include "shared/base/limits.h"

namespace onecopy::gateway {
namespace {

Status check_size(const std::string& body, std::string_view advice) {
  if (body.size() <= limits::kReplyBytes) return {};
  return fail(ErrorCode::kTooLarge, "the reply would have more than {} bytes; {}",
              limits::kReplyBytes, advice);
}

void append_answer(const QaAnswer& answer, std::string_view context, std::string& to) {
  to += "{\"score\": ";
  append_json_number(answer.score, to);
  fmt::format_to(std::back_inserter(to), FMT_COMPILE(", \"start\": {}, \"end\": {}, \"answer\": "),
                 answer.start, answer.end);
  append_json_string(context.substr(answer.byte_start, answer.byte_end - answer.byte_start), to);
  to += '}';
}

}  // namespace

int http_status(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kUnsupported:
      return 400;
    case ErrorCode::kNotFound:
      return 404;
    case ErrorCode::kTooLarge:
      return 413;
    case ErrorCode::kMediaType:
      return 415;
    case ErrorCode::kBusy:
      return 429;
    case ErrorCode::kUnavailable:
      return 503;
    case ErrorCode::kDeadline:
      return 504;
    case ErrorCode::kInternal:
    case ErrorCode::kCorrupt:
    case ErrorCode::kSystem:
      break;
  }
  return 500;
}

HttpReply error_reply(const Error& error, int retry_after_s) {
  const int status = http_status(error.code);
  const bool come_back = status == 429 || status == 503;
  return {status, error_body(error.text), come_back ? retry_after_s : 0, {}};
}

Result<std::string> format_answers(const Work& work, const Call::Replies& replies) {
  const std::string_view context = *work.texts.front().pair;
  const std::vector<QaAnswer>& answers = replies.front().answers;
  std::string body;
  for (const QaAnswer& answer : answers) {
    if (!body.empty()) body += ", ";
    append_answer(answer, context, body);
    RETURN_IF_ERROR(check_size(body, "lower top_k or max_answer_len"));
  }
  if (answers.size() == 1) return body;
  return '[' + body + ']';
}

Result<std::string> format_labels(const Work& work, const Call::Replies& replies) {
  const std::vector<std::string>& labels = work.model->info.labels;
  const std::vector<float>& values = replies.front().values;
  RETURN_IF_ERROR(check_values(work, values));
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, std::greater<>(), [&](std::size_t i) { return values[i]; });
  std::string body = "{";
  for (const std::size_t i : order) {
    if (body.size() > 1) body += ", ";
    append_json_string(labels[i], body);
    body += ": ";
    append_json_number(values[i], body);
  }
  body += '}';
  return body;
}

Result<std::string> format_vectors(const Work& work, const Call::Replies& replies) {
  std::string body = "[";
  for (const WorkReply& reply : replies) {
    RETURN_IF_ERROR(check_values(work, reply.values));
    body += body.size() > 1 ? ",[" : "[";
    for (std::size_t i = 0; i < reply.values.size(); ++i) {
      if (i > 0) body += ',';
      append_json_number(reply.values[i], body);
    }
    body += ']';
    RETURN_IF_ERROR(check_size(body, "send fewer inputs at a time"));
  }
  body += ']';
  return body;
}

}  // namespace onecopy::gateway
