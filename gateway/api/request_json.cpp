#include "gateway/api/request_json.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "gateway/http/ascii.h"
#include "shared/base/limits.h"
#include "shared/base/quoted.h"
#include "shared/base/text_parts.h"
#include "shared/base/utf8.h"

namespace onecopy::gateway {
namespace {

constexpr std::int32_t kMaxTokens = static_cast<std::int32_t>(limits::kPositions);
constexpr std::int32_t kMaxAnswerTokens = static_cast<std::int32_t>(limits::kAnswerTokens);

Result<QaParams> parse_qa_params(const RequestFields& fields) {
  QaParams qa;
  ASSIGN_OR_RETURN(qa.top_k, fields.integer("top_k", qa.top_k, 1, limits::kTopK));
  ASSIGN_OR_RETURN(qa.doc_stride, fields.integer("doc_stride", qa.doc_stride, 0, kMaxAnswerTokens));
  ASSIGN_OR_RETURN(qa.max_seq_len,
                   fields.integer("max_seq_len", qa.max_seq_len, 1, kMaxAnswerTokens));
  ASSIGN_OR_RETURN(qa.max_answer_len,
                   fields.integer("max_answer_len", qa.max_answer_len, 1, kMaxAnswerTokens));
  ASSIGN_OR_RETURN(qa.max_question_len,
                   fields.integer("max_question_len", qa.max_question_len, 1, kMaxAnswerTokens));
  ASSIGN_OR_RETURN(const auto impossible, fields.boolean("handle_impossible_answer"));
  ASSIGN_OR_RETURN(const auto align, fields.boolean("align_to_words"));
  qa.handle_impossible_answer = impossible.value_or(false) ? 1 : 0;
  qa.align_to_words = align.value_or(true) ? 1 : 0;
  return qa;
}

Result<FunctionToApply> parse_function(RequestFields& fields) {
  ASSIGN_OR_RETURN(const auto name, fields.text("function_to_apply"));
  if (!name || *name == "default") return FunctionToApply::kDefault;
  if (*name == "none") return FunctionToApply::kNone;
  if (*name == "sigmoid") return FunctionToApply::kSigmoid;
  if (*name == "softmax") return FunctionToApply::kSoftmax;
  return fail(ErrorCode::kInvalidArgument,
              "function_to_apply must be softmax, sigmoid, none or default, not '{}'",
              shortened(*name));
}

bool is_json_type(std::string_view type) {
  return type == "application/json" || type.ends_with("+json");
}

// What clients send of themselves, whatever the body is.
bool says_nothing(std::string_view type) {
  return type.empty() || type == "application/x-www-form-urlencoded" ||
         type == "application/octet-stream";
}

}  // namespace

Result<Work> parse_question(RequestFields fields) {
  constexpr std::array<std::string_view, 10> kKnown{
      "question",       "context",          "sentencekey",
      "top_k",          "doc_stride",       "max_seq_len",
      "max_answer_len", "max_question_len", "handle_impossible_answer",
      "align_to_words"};
  RETURN_IF_ERROR(fields.only(kKnown));
  Work work;
  ASSIGN_OR_RETURN(std::string question, fields.required_text("question"));
  if (question.empty()) {
    return fail(ErrorCode::kInvalidArgument, "question cannot be empty; ask something");
  }
  ASSIGN_OR_RETURN(const auto key, fields.text("sentencekey"));
  if (key && fields.has("context")) {
    return fail(ErrorCode::kInvalidArgument, "send context or sentencekey, not both");
  }
  if (key) {
    return fail(ErrorCode::kNotFound,
                "no stored contexts, so none with sentencekey '{}'; send the text as context",
                shortened(*key));
  }
  ASSIGN_OR_RETURN(std::string context, fields.required_text("context"));
  if (context.empty()) {
    return fail(ErrorCode::kInvalidArgument, "context cannot be empty; send the text to search");
  }
  ASSIGN_OR_RETURN(work.qa, parse_qa_params(fields));
  work.texts.push_back({std::move(question), std::move(context)});
  return work;
}

Result<Work> parse_classification(RequestFields fields) {
  constexpr std::array<std::string_view, 5> kKnown{"text", "text_pair", "function_to_apply",
                                                   "truncation", "max_length"};
  RETURN_IF_ERROR(fields.only(kKnown));
  Work work;
  ASSIGN_OR_RETURN(std::string text, fields.required_text("text"));
  ASSIGN_OR_RETURN(auto pair, fields.text("text_pair"));
  ASSIGN_OR_RETURN(work.text_params.function, parse_function(fields));
  ASSIGN_OR_RETURN(work.text_params.max_length, fields.integer("max_length", -1, 1, kMaxTokens));
  ASSIGN_OR_RETURN(const auto truncation, fields.boolean("truncation"));
  work.text_params.truncate = truncation.value_or(true) ? 1 : 0;
  work.texts.push_back({std::move(text), std::move(pair)});
  return work;
}

Result<Work> parse_plain_text(std::string body) {
  if (body.empty()) return fail(ErrorCode::kInvalidArgument, "the body is empty; send the text");
  if (body.size() > limits::kTextBytes) {
    return fail(ErrorCode::kTooLarge, "the text has {} bytes; it may have at most {}", body.size(),
                limits::kTextBytes);
  }
  if (!utf8::is_valid(body)) {
    return fail(ErrorCode::kInvalidArgument, "the text is not valid UTF-8");
  }
  Work work;
  work.texts.push_back({std::move(body), std::nullopt});
  return work;
}

Result<EmbedRequest> parse_embed(RequestFields fields) {
  constexpr std::array<std::string_view, 5> kKnown{"inputs", "model", "version", "normalize",
                                                   "truncate"};
  RETURN_IF_ERROR(fields.only(kKnown));
  EmbedRequest request;
  ASSIGN_OR_RETURN(std::vector<std::string> texts, fields.texts("inputs", limits::kEmbedInputs));
  for (std::string& text : texts) request.work.texts.push_back({std::move(text), std::nullopt});
  ASSIGN_OR_RETURN(request.model, fields.text("model"));
  if (fields.has("version")) {
    ASSIGN_OR_RETURN(const std::int32_t version, fields.integer("version", 1, 1, INT32_MAX));
    request.version = static_cast<std::uint32_t>(version);
  }
  ASSIGN_OR_RETURN(const auto normalize, fields.boolean("normalize"));
  if (normalize) request.work.text_params.normalize = *normalize ? 1 : 0;
  ASSIGN_OR_RETURN(const auto truncate, fields.boolean("truncate"));
  request.work.text_params.truncate = truncate.value_or(true) ? 1 : 0;
  return request;
}

Status check_text_type(std::string_view type) {
  if (is_json_type(type) || type == "text/plain" || says_nothing(type)) return {};
  return fail(ErrorCode::kMediaType,
              "Content-Type '{}' is not understood; send application/json or text/plain",
              shortened(type));
}

bool is_json_body(std::string_view type, std::string_view body) {
  if (!says_nothing(type)) return is_json_type(type);
  const std::size_t first = body.find_first_not_of(" \t\r\n");
  return first != std::string_view::npos && body[first] == '{';
}

bool wants_no_cache(const HttpRequest& request) {
  for (const auto& [name, value] : request.headers) {
    if (name != "cache-control") continue;
    for (std::string_view rest = value; !rest.empty();) {
      if (equals_ignoring_case(trimmed(take_part(rest, ',')), "no-cache")) return true;
    }
  }
  return false;
}

Result<std::optional<Milliseconds>> parse_timeout(std::optional<std::string_view> header) {
  if (!header) return std::nullopt;
  constexpr auto kMost = std::chrono::duration_cast<Milliseconds>(limits::kMaxRequestDeadline);
  std::int64_t ms = 0;
  const char* const end = header->data() + header->size();
  const auto [stop, error] = std::from_chars(header->data(), end, ms);
  if (error != std::errc() || stop != end || ms < 1 || ms > kMost.count()) {
    return fail(ErrorCode::kInvalidArgument,
                "X-Request-Timeout-Ms must be an integer from 1 to {}, not '{}'", kMost.count(),
                shortened(*header));
  }
  return Milliseconds(ms);
}

}  // namespace onecopy::gateway
