#include "shared/protocol/mailbox.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <new>

#include "shared/protocol/mailbox_records.h"

namespace onecopy {
namespace {

Result<std::byte*> map_mailbox(int fd) {
  void* base = ::mmap(nullptr, kMailboxBytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (base == MAP_FAILED) {
    return fail(ErrorCode::kSystem, "cannot map a mailbox: {}", errno_text());
  }
  return static_cast<std::byte*>(base);
}

MailboxHeader& header_of(std::byte* base) { return *reinterpret_cast<MailboxHeader*>(base); }
// Strings need not be aligned; records are copied.
char* texts_of(std::byte* base) { return reinterpret_cast<char*>(base + kMailboxTextsAt); }

template <class T>
T record_at(const std::byte* from) {
  T record;
  std::memcpy(&record, from, sizeof record);
  return record;
}
template <class T>
void write_record(std::byte* to, const T& record) {
  std::memcpy(to, &record, sizeof record);
}

std::byte* request_record(std::byte* base, std::size_t i) {
  return base + kMailboxRequestAt + sizeof(RequestBatch) + i * sizeof(RequestRecord);
}
std::byte* reply_record(std::byte* base, std::size_t i) {
  return base + kMailboxReplyAt + sizeof(ReplyBatch) + i * sizeof(ReplyRecord);
}

}  // namespace

Mailbox::Mailbox(UniqueFd fd, std::byte* base) : fd_(std::move(fd)), base_(base) {}

Mailbox::Mailbox(Mailbox&& other) noexcept
    : fd_(std::move(other.fd_)),
      base_(std::exchange(other.base_, nullptr)),
      posted_(std::move(other.posted_)) {}

Mailbox& Mailbox::operator=(Mailbox&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(base_, other.base_);
  std::swap(posted_, other.posted_);
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
  new (base) MailboxHeader{kMailboxMagic, kMailboxBytes, 0, 1, 0, 0};
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

std::atomic<std::uint64_t>& Mailbox::cancelled() { return header_of(base_).cancelled; }

std::atomic<std::uint32_t>& Mailbox::progress() { return header_of(base_).progress; }

bool Mailbox::worker_crashed() const { return header_of(base_).crashed.load() != 0; }

Status Mailbox::post(std::uint64_t epoch, std::span<const WorkRequest> requests) {
  RequestBatch batch{};
  std::size_t bytes = 0;
  for (const WorkRequest& request : requests) {
    bytes += request.text.size() + request.pair.value_or("").size();
  }
  const std::string_view segment = requests.front().segment;
  if (segment.size() >= sizeof batch.segment || bytes > kMailboxTextBytes ||
      requests.size() > limits::kBatchItems) {
    return fail(ErrorCode::kTooLarge, "the texts take {} bytes, more than the {} a worker takes",
                bytes, kMailboxTextBytes);
  }
  batch.epoch = epoch;
  batch.count = static_cast<std::uint32_t>(requests.size());
  batch.task = static_cast<std::uint32_t>(requests.front().task);
  segment.copy(batch.segment, sizeof batch.segment - 1);
  write_record(base_ + kMailboxRequestAt, batch);
  cancelled().store(0);
  posted_ = {requests.front().task, {}};
  char* to = texts_of(base_);
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const std::string_view pair = requests[i].pair.value_or("");
    write_record(request_record(base_, i), record_of(requests[i]));
    to += requests[i].text.copy(to, requests[i].text.size());
    to += pair.copy(to, pair.size());
    posted_.pair_bytes.push_back(pair.size());
  }
  return {};
}

Result<std::vector<WorkRequest>> Mailbox::take(std::uint64_t epoch) {
  const auto batch = record_at<RequestBatch>(base_ + kMailboxRequestAt);
  RETURN_IF_ERROR(check_batch(batch, epoch));
  WorkRequest request;
  // The name's bytes lie in the record's copy, which ends here: point at the shared ones instead,
  // with the length that was checked.
  request.segment = std::string_view(
      reinterpret_cast<const char*>(base_ + kMailboxRequestAt) + offsetof(RequestBatch, segment),
      std::strlen(batch.segment));
  request.task = static_cast<Task>(batch.task);
  std::vector<WorkRequest> requests(batch.count, request);
  std::string_view texts(texts_of(base_), kMailboxTextBytes);
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const auto record = record_at<RequestRecord>(request_record(base_, i));
    RETURN_IF_ERROR(check_request(record, texts.size()));
    fill(requests[i], record, texts);
    texts.remove_prefix(std::size_t{record.text_bytes} + record.pair_bytes);
  }
  return requests;
}

void Mailbox::reply(std::uint64_t epoch, std::span<const WorkReply> replies) {
  write_record(base_ + kMailboxReplyAt,
               ReplyBatch{epoch, static_cast<std::uint32_t>(replies.size()), 0});
  std::byte* to = base_ + kMailboxPayloadsAt;
  for (std::size_t i = 0; i < replies.size(); ++i) {
    const ReplyRecord record = write_reply(replies[i], to);
    write_record(reply_record(base_, i), record);
    to += record.payload_bytes;
  }
}

Result<std::vector<WorkReply>> Mailbox::collect(std::uint64_t epoch) {
  const auto batch = record_at<ReplyBatch>(base_ + kMailboxReplyAt);
  const std::size_t count = posted_.pair_bytes.size();
  if (batch.epoch != epoch || batch.count != count) {
    return fail(ErrorCode::kCorrupt, "mailbox replies: {} of epoch {}, expected {} of {}",
                batch.count, batch.epoch, count, epoch);
  }
  std::vector<WorkReply> replies(count);
  // Each payload is at most kItemReplyBytes, and there is room for as many as there are requests.
  const std::byte* payload = base_ + kMailboxPayloadsAt;
  for (std::size_t i = 0; i < count; ++i) {
    const auto record = record_at<ReplyRecord>(reply_record(base_, i));
    ASSIGN_OR_RETURN(replies[i], read_reply(record, payload, posted_.task, posted_.pair_bytes[i]));
    payload += record.payload_bytes;
  }
  return replies;
}

}  // namespace onecopy
