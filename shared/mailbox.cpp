#include "shared/mailbox.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <cmath>
#include <cstring>
#include <new>

namespace onecopy {
namespace {

Result<std::byte*> map_mailbox(int fd) {
  void* base = ::mmap(nullptr, kMailboxBytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (base == MAP_FAILED) {
    return fail(ErrorCode::kSystem, "cannot map a mailbox: {}", errno_text());
  }
  return static_cast<std::byte*>(base);
}

// Strings need not be aligned; records are.
char* text_area(std::byte* base) {
  return reinterpret_cast<char*>(base + kMailboxRequestAt + sizeof(RequestRecord));
}
std::byte* payload_area(std::byte* base) { return base + kMailboxReplyAt + sizeof(ReplyRecord); }
MailboxHeader& header_of(std::byte* base) { return *reinterpret_cast<MailboxHeader*>(base); }
constexpr std::size_t kTextRoom = limits::kMailboxRequestBytes - sizeof(RequestRecord);
constexpr std::size_t kPayloadRoom = limits::kMailboxReplyBytes - sizeof(ReplyRecord);

Status check_request(const RequestRecord& r) {
  if (r.task > static_cast<std::uint32_t>(Task::kEmbedding) || r.has_pair > 1) {
    return fail(ErrorCode::kCorrupt, "mailbox request: unknown task or flag");
  }
  if (std::size_t{r.text_bytes} + r.pair_bytes > kTextRoom ||
      (r.has_pair == 0 && r.pair_bytes != 0)) {
    return fail(ErrorCode::kCorrupt, "mailbox request: texts of {} and {} bytes", r.text_bytes,
                r.pair_bytes);
  }
  if (std::memchr(r.segment, 0, sizeof r.segment) == nullptr) {
    return fail(ErrorCode::kCorrupt, "mailbox request: segment name without an end");
  }
  if (r.qa.top_k < 1 || r.qa.top_k > static_cast<std::int32_t>(limits::kTopK) ||
      r.qa.max_answer_len < 1 || r.text.function > FunctionToApply::kSoftmax) {
    return fail(ErrorCode::kCorrupt, "mailbox request: a parameter out of its range");
  }
  return {};
}

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

Mailbox::Mailbox(UniqueFd fd, std::byte* base) : fd_(std::move(fd)), base_(base) {}

Mailbox::Mailbox(Mailbox&& other) noexcept
    : fd_(std::move(other.fd_)), base_(std::exchange(other.base_, nullptr)) {}

Mailbox& Mailbox::operator=(Mailbox&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(base_, other.base_);
  return *this;
}

Mailbox::~Mailbox() {
  if (base_ != nullptr) ::munmap(base_, kMailboxBytes);
}

Result<Mailbox> Mailbox::create() {
  UniqueFd fd(::memfd_create("onecopy-mailbox", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd || ::ftruncate(fd.get(), kMailboxBytes) != 0 ||
      ::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
    return fail(ErrorCode::kSystem, "cannot create a mailbox: {}", errno_text());
  }
  ASSIGN_OR_RETURN(std::byte* const base, map_mailbox(fd.get()));
  new (base) MailboxHeader{kMailboxMagic, kMailboxBytes, 0, 1};
  return Mailbox(std::move(fd), base);
}

Result<Mailbox> Mailbox::attach(UniqueFd fd) {
  struct stat info {};
  if (!fd || ::fstat(fd.get(), &info) != 0 || info.st_size != static_cast<off_t>(kMailboxBytes) ||
      (::fcntl(fd.get(), F_GET_SEALS) & F_SEAL_SHRINK) == 0) {
    return fail(ErrorCode::kCorrupt, "not a mailbox of {} bytes and fixed size", kMailboxBytes);
  }
  ASSIGN_OR_RETURN(std::byte* const base, map_mailbox(fd.get()));
  Mailbox mailbox(UniqueFd(), base);
  const MailboxHeader& header = header_of(base);
  if (header.magic != kMailboxMagic || header.bytes != kMailboxBytes) {
    return fail(ErrorCode::kCorrupt, "not a mailbox of this version");
  }
  return mailbox;
}

std::atomic<std::uint32_t>& Mailbox::crash_mark() { return header_of(base_).crashed; }

std::atomic<std::uint32_t>& Mailbox::threads() { return header_of(base_).threads; }

bool Mailbox::worker_crashed() const { return header_of(base_).crashed.load() != 0; }

Status Mailbox::post(std::uint64_t epoch, const WorkRequest& request) {
  const std::string_view pair = request.pair.value_or("");
  RequestRecord record{};
  if (request.segment.size() >= sizeof record.segment || request.text.size() > kTextRoom ||
      pair.size() > kTextRoom - request.text.size()) {
    return fail(ErrorCode::kTooLarge, "the texts take {} bytes, more than the {} a worker takes",
                request.text.size() + pair.size(), kTextRoom);
  }
  record.epoch = epoch;
  record.task = static_cast<std::uint32_t>(request.task);
  record.text_bytes = static_cast<std::uint32_t>(request.text.size());
  record.pair_bytes = static_cast<std::uint32_t>(pair.size());
  record.has_pair = request.pair.has_value() ? 1 : 0;
  record.deadline_ns = request.deadline ? request.deadline->time_since_epoch().count() : 0;
  record.qa = request.qa;
  record.text = request.text_params;
  request.segment.copy(record.segment, sizeof record.segment - 1);
  std::memcpy(base_ + kMailboxRequestAt, &record, sizeof record);
  request.text.copy(text_area(base_), request.text.size());
  pair.copy(text_area(base_) + request.text.size(), pair.size());
  return {};
}

Result<WorkRequest> Mailbox::take(std::uint64_t epoch) {
  RequestRecord record{};
  std::memcpy(&record, base_ + kMailboxRequestAt, sizeof record);
  if (record.epoch != epoch) {
    return fail(ErrorCode::kCorrupt, "mailbox request: epoch {}, woken for {}", record.epoch,
                epoch);
  }
  RETURN_IF_ERROR(check_request(record));
  WorkRequest request;
  // The name's bytes lie in the record's copy, which ends here: point at the shared ones instead,
  // with the length that was checked.
  const char* segment =
      reinterpret_cast<const char*>(base_ + kMailboxRequestAt) + offsetof(RequestRecord, segment);
  request.segment = std::string_view(segment, std::strlen(record.segment));
  request.task = static_cast<Task>(record.task);
  request.qa = record.qa;
  request.text_params = record.text;
  request.text = std::string_view(text_area(base_), record.text_bytes);
  if (record.deadline_ns != 0) {
    request.deadline.emplace(std::chrono::nanoseconds(record.deadline_ns));
  }
  if (record.has_pair != 0) {
    request.pair = std::string_view(text_area(base_) + record.text_bytes, record.pair_bytes);
  }
  return request;
}

void Mailbox::reply(std::uint64_t epoch, const WorkReply& reply) {
  ReplyRecord record{};
  record.epoch = epoch;
  record.tokens = reply.tokens;
  const void* payload = reply.values.data();
  std::size_t bytes = reply.values.size() * sizeof(float);
  if (!reply.answers.empty()) {
    payload = reply.answers.data();
    bytes = reply.answers.size() * sizeof(QaAnswer);
  }
  Error too_long{ErrorCode::kInternal, "the reply does not fit into the mailbox"};
  const Error* error = reply.error ? &*reply.error : nullptr;
  if (error == nullptr && bytes > kPayloadRoom) error = &too_long;
  if (error != nullptr) {
    record.error = static_cast<std::uint32_t>(error->code);
    payload = error->text.data();
    bytes = std::min(error->text.size(), limits::kErrorTextBytes);
  }
  record.payload_bytes = static_cast<std::uint32_t>(bytes);
  if (bytes != 0) std::memcpy(payload_area(base_), payload, bytes);
  std::memcpy(base_ + kMailboxReplyAt, &record, sizeof record);
}

Result<WorkReply> Mailbox::collect(std::uint64_t epoch, const WorkRequest& request) {
  ReplyRecord record{};
  std::memcpy(&record, base_ + kMailboxReplyAt, sizeof record);
  if (record.epoch != epoch || record.payload_bytes > kPayloadRoom ||
      record.error > static_cast<std::uint32_t>(ErrorCode::kSystem)) {
    return fail(ErrorCode::kCorrupt, "mailbox reply: wrong epoch, size or error code");
  }
  WorkReply reply;
  reply.tokens = record.tokens;
  const std::byte* payload = payload_area(base_);
  if (record.error != 0) {
    const std::size_t bytes = std::min<std::size_t>(record.payload_bytes, limits::kErrorTextBytes);
    reply.error = Error{static_cast<ErrorCode>(record.error),
                        std::string(reinterpret_cast<const char*>(payload), bytes)};
  } else if (request.task == Task::kQuestionAnswering) {
    ASSIGN_OR_RETURN(reply.answers, payload_as<QaAnswer>(payload, record.payload_bytes));
    RETURN_IF_ERROR(check_answers(reply.answers, request.pair.value_or("").size()));
  } else {
    ASSIGN_OR_RETURN(reply.values, payload_as<float>(payload, record.payload_bytes));
  }
  return reply;
}

}  // namespace onecopy
