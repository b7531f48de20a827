#include "shared/protocol/worker_messages.h"

#include <array>
#include <cstring>
#include <span>

#include "shared/base/limits.h"
#include "shared/protocol/channel.h"
#include "shared/segment/names.h"

namespace onecopy {
namespace {

struct Head {
  std::uint32_t kind;
  std::uint32_t segment_bytes;  // of the name behind the head
  std::uint64_t epoch;
};

Status send(int socket, const Head& head, std::string_view segment, int fd) {
  std::array<std::byte, sizeof(Head) + limits::kSegmentNameBytes> bytes;  // NOLINT: filled below
  if (segment.size() > limits::kSegmentNameBytes) {
    return fail(ErrorCode::kInvalidArgument, "a segment's name of {} bytes", segment.size());
  }
  std::memcpy(bytes.data(), &head, sizeof head);
  segment.copy(reinterpret_cast<char*>(bytes.data()) + sizeof head, segment.size());
  return send_message(socket, std::span(bytes).first(sizeof head + segment.size()), fd);
}

bool names_a_segment(WorkerSays kind) {
  return kind == WorkerSays::kFile || kind == WorkerSays::kAttach || kind == WorkerSays::kDetach;
}

Status check(const WorkerMessage& message) {
  if (message.kind < WorkerSays::kGreeting || message.kind > WorkerSays::kWake) {
    return fail(ErrorCode::kCorrupt, "a message of kind {}",
                static_cast<std::uint32_t>(message.kind));
  }
  if (names_a_segment(message.kind) != parse_segment_name(message.segment).has_value()) {
    return fail(ErrorCode::kCorrupt, "a message with the segment '{}'", message.segment);
  }
  const bool needs_fd = message.kind == WorkerSays::kGreeting || message.kind == WorkerSays::kFile;
  if (needs_fd && !message.fd) return fail(ErrorCode::kCorrupt, "a message without its descriptor");
  return {};
}

}  // namespace

Status send_worker_message(int socket, WorkerSays kind, std::string_view segment, int fd) {
  return send(socket,
              {static_cast<std::uint32_t>(kind), static_cast<std::uint32_t>(segment.size()), 0},
              segment, fd);
}

Status send_wake(int socket, std::uint64_t epoch) {
  return send(socket, {static_cast<std::uint32_t>(WorkerSays::kWake), 0, epoch}, {}, -1);
}

Result<WorkerMessage> receive_worker_message(int socket) {
  ASSIGN_OR_RETURN(Message received, receive_message(socket));
  Head head{};
  if (received.bytes.size() < sizeof head) {
    return fail(ErrorCode::kCorrupt, "a message of {} bytes", received.bytes.size());
  }
  std::memcpy(&head, received.bytes.data(), sizeof head);
  if (received.bytes.size() - sizeof head != head.segment_bytes) {
    return fail(ErrorCode::kCorrupt, "a message of {} bytes", received.bytes.size());
  }
  WorkerMessage message{static_cast<WorkerSays>(head.kind), head.epoch,
                        received.bytes.substr(sizeof head), std::move(received.fd)};
  RETURN_IF_ERROR(check(message));
  return message;
}

}  // namespace onecopy
