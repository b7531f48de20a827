#include "shared/protocol/mailbox_records.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace onecopy {
namespace {

Status check_answers(const std::vector<QaAnswer>& answers, std::size_t context_bytes) {
  for (const QaAnswer& a : answers) {
    if (!std::isfinite(a.score) || a.byte_start > a.byte_end || a.byte_end > context_bytes) {
      return fail(ErrorCode::kCorrupt, "mailbox reply: an answer lies outside its context");
    }
  }
  return {};
}

template <class T>
Result<std::vector<T>> payload_as(const std::byte* payload, std::size_t bytes) {
  if (bytes % sizeof(T) != 0) {
    return fail(ErrorCode::kCorrupt, "mailbox reply: payload of {} bytes", bytes);
  }
  std::vector<T> values(bytes / sizeof(T));
  if (bytes != 0) std::memcpy(values.data(), payload, bytes);
  return values;
}

}  // namespace

RequestRecord record_of(const WorkRequest& request) {
  RequestRecord record{};
  record.text_bytes = static_cast<std::uint32_t>(request.text.size());
  record.pair_bytes = static_cast<std::uint32_t>(request.pair.value_or("").size());
  record.has_pair = request.pair.has_value() ? 1 : 0;
  record.deadline_ns = request.deadline ? request.deadline->time_since_epoch().count() : 0;
  record.qa = request.qa;
  record.text = request.text_params;
  return record;
}

Status check_batch(const RequestBatch& batch, std::uint64_t epoch) {
  if (batch.epoch != epoch) {
    return fail(ErrorCode::kCorrupt, "mailbox requests: epoch {}, woken for {}", batch.epoch,
                epoch);
  }
  if (batch.count == 0 || batch.count > limits::kBatchItems ||
      batch.task > static_cast<std::uint32_t>(Task::kEmbedding)) {
    return fail(ErrorCode::kCorrupt, "mailbox requests: {} of task {}", batch.count, batch.task);
  }
  if (std::memchr(batch.segment, 0, sizeof batch.segment) == nullptr) {
    return fail(ErrorCode::kCorrupt, "mailbox requests: segment name without an end");
  }
  return {};
}

Status check_request(const RequestRecord& r, std::size_t room) {
  if (r.has_pair > 1 || (r.has_pair == 0 && r.pair_bytes != 0)) {
    return fail(ErrorCode::kCorrupt, "mailbox request: a pair that is and is not there");
  }
  if (std::size_t{r.text_bytes} + r.pair_bytes > room) {
    return fail(ErrorCode::kCorrupt, "mailbox request: texts of {} and {} bytes", r.text_bytes,
                r.pair_bytes);
  }
  if (r.qa.top_k < 1 || r.qa.top_k > static_cast<std::int32_t>(limits::kTopK) ||
      r.qa.max_answer_len < 1 || r.text.function > FunctionToApply::kSoftmax) {
    return fail(ErrorCode::kCorrupt, "mailbox request: a parameter out of its range");
  }
  return {};
}

void fill(WorkRequest& request, const RequestRecord& record, std::string_view texts) {
  request.qa = record.qa;
  request.text_params = record.text;
  request.text = texts.substr(0, record.text_bytes);
  if (record.has_pair != 0) request.pair = texts.substr(record.text_bytes, record.pair_bytes);
  if (record.deadline_ns != 0) {
    request.deadline.emplace(std::chrono::nanoseconds(record.deadline_ns));
  }
}

ReplyRecord write_reply(const WorkReply& reply, std::byte* to) {
  ReplyRecord record{};
  record.tokens = reply.tokens;
  const void* payload = reply.values.data();
  std::size_t bytes = reply.values.size() * sizeof(float);
  if (!reply.answers.empty()) {
    payload = reply.answers.data();
    bytes = reply.answers.size() * sizeof(QaAnswer);
  }
  Error too_long{ErrorCode::kInternal, "the reply does not fit into the mailbox"};
  const Error* error = reply.error ? &*reply.error : nullptr;
  if (error == nullptr && bytes > limits::kItemReplyBytes) error = &too_long;
  if (error != nullptr) {
    record.error = static_cast<std::uint32_t>(error->code);
    payload = error->text.data();
    bytes = std::min(error->text.size(), limits::kErrorTextBytes);
  }
  record.payload_bytes = static_cast<std::uint32_t>(bytes);
  if (bytes != 0) std::memcpy(to, payload, bytes);
  return record;
}

Result<WorkReply> read_reply(const ReplyRecord& record, const std::byte* payload, Task task,
                             std::size_t context_bytes) {
  const std::size_t most = record.error != 0 ? limits::kErrorTextBytes : limits::kItemReplyBytes;
  if (record.payload_bytes > most ||
      record.error > static_cast<std::uint32_t>(ErrorCode::kSystem)) {
    return fail(ErrorCode::kCorrupt, "mailbox reply: wrong size or error code");
  }
  WorkReply reply;
  reply.tokens = record.tokens;
  if (record.error != 0) {
    reply.error = Error{static_cast<ErrorCode>(record.error),
                        std::string(reinterpret_cast<const char*>(payload), record.payload_bytes)};
  } else if (task == Task::kQuestionAnswering) {
    ASSIGN_OR_RETURN(reply.answers, payload_as<QaAnswer>(payload, record.payload_bytes));
    RETURN_IF_ERROR(check_answers(reply.answers, context_bytes));
  } else {
    ASSIGN_OR_RETURN(reply.values, payload_as<float>(payload, record.payload_bytes));
  }
  return reply;
}

}  // namespace onecopy
