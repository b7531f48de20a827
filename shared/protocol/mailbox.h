// A worker's mailbox, from either side. See mailbox_format.h for the protocol.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "shared/base/status.h"
#include "shared/base/unique_fd.h"
#include "shared/protocol/mailbox_format.h"
#include "shared/segment/model_info.h"

namespace onecopy {

// One text (or question and context) for one model. Borrows its strings.
struct WorkRequest {
  std::string_view segment;
  Task task = Task::kEmbedding;
  QaParams qa;
  TextParams text_params;
  std::string_view text;
  std::optional<std::string_view> pair;
  // When the answer is of no more use (std::chrono::steady_clock); nothing: never. A worker gives
  // up between two windows of a long context.
  std::optional<std::chrono::steady_clock::time_point> deadline;
};

// What a worker made of it. Which list is filled follows from the task.
struct WorkReply {
  std::optional<Error> error;
  std::vector<QaAnswer> answers;
  std::vector<float> values;
  std::uint32_t tokens = 0;
};

// Class Mailbox: owns the mapping (and, in the gateway, the descriptor to hand over). Move-only.
// One thread at a time on each side.
class Mailbox {
 public:
  // Gateway: new anonymous shared memory whose size can no longer change.
  static Result<Mailbox> create();
  // Worker: maps the descriptor that came over the socket; kCorrupt if it is no mailbox.
  static Result<Mailbox> attach(UniqueFd fd);

  Mailbox(Mailbox&& other) noexcept;
  Mailbox& operator=(Mailbox&& other) noexcept;
  ~Mailbox();

  int fd() const { return fd_.get(); }

  // Worker, from a signal handler: set it to 1 before dying of a fatal signal.
  std::atomic<std::uint32_t>& crash_mark();
  // Gateway, once the socket has closed.
  bool worker_crashed() const;

  // MailboxHeader::threads. Gateway: to be written; worker: to be read, and not to be trusted.
  std::atomic<std::uint32_t>& threads();
  // MailboxHeader::cancelled. Gateway: to be written, the bit of an item's place in the batch;
  // worker: to be read. post() clears it.
  std::atomic<std::uint64_t>& cancelled();
  // MailboxHeader::progress. Worker: to be counted up; gateway: to be read, and only to see whether
  // it moved.
  std::atomic<std::uint32_t>& progress();

  // Gateway. 1 to kBatchItems requests for one segment and task. kTooLarge when their texts don't
  // fit (kMailboxTextBytes). Send a Wake with this epoch afterwards.
  Status post(std::uint64_t epoch, std::span<const WorkRequest> requests);
  // Worker. The strings stay valid until reply(). kCorrupt when a field is out of its bounds.
  Result<std::vector<WorkRequest>> take(std::uint64_t epoch);
  // Worker: a reply to each request that was taken, in their order. Send the Wake back afterwards.
  void reply(std::uint64_t epoch, std::span<const WorkReply> replies);
  // Gateway. The replies to what was posted last, in its order. kCorrupt when one is malformed,
  // does not suit its request, or is of another epoch.
  Result<std::vector<WorkReply>> collect(std::uint64_t epoch);

 private:
  // What collect() must know of the requests.
  struct Posted {
    Task task = Task::kEmbedding;
    std::vector<std::size_t> pair_bytes;
  };

  Mailbox(UniqueFd fd, std::byte* base);
  UniqueFd fd_;
  std::byte* base_ = nullptr;
  Posted posted_;
};

}  // namespace onecopy
