#include "tests/gateway/fake_worker.h"

#include <sys/socket.h>

#include <cstring>
#include <utility>

#include "shared/protocol/channel.h"

namespace onecopy::gateway {

std::optional<WorkReply> answer_plainly(const WorkRequest& request) {
  WorkReply reply;
  if (request.task == Task::kQuestionAnswering) reply.answers = {{0.5, 0, 1, 0, 1}};
  if (request.task == Task::kSequenceClassification) reply.values = {0.25F, 0.75F};
  if (request.task == Task::kEmbedding) {
    reply.values = {static_cast<float>(request.text.size()), 0.5F};
  }
  return reply;
}

std::optional<WorkReply> die(const WorkRequest& /*request*/) { return std::nullopt; }

BatchBehaviour one_by_one(Behaviour behaviour) {
  return [behaviour = std::move(behaviour)](
             std::span<const WorkRequest> requests) -> std::optional<std::vector<WorkReply>> {
    std::vector<WorkReply> replies;
    for (const WorkRequest& request : requests) {
      auto reply = behaviour(request);
      if (!reply) return std::nullopt;
      replies.push_back(std::move(*reply));
    }
    return replies;
  };
}

FakeWorker::FakeWorker(UniqueFd socket, BatchBehaviour behaviour)
    : socket_(std::move(socket)),
      thread_([this, behaviour = std::move(behaviour)] { run(behaviour); }) {}

FakeWorker::~FakeWorker() {
  ::shutdown(socket_.get(), SHUT_RDWR);
  thread_.join();
}

void FakeWorker::run(const BatchBehaviour& behaviour) {
  auto first = receive_message(socket_.get());
  if (!first) return;
  auto mailbox = Mailbox::attach(std::move(first->fd));
  if (!mailbox) return;
  mailbox_ = std::move(*mailbox);
  for (;;) {
    const auto message = receive_message(socket_.get());
    Wake wake{};
    if (!message || message->bytes.size() != sizeof wake) return;
    std::memcpy(&wake, message->bytes.data(), sizeof wake);
    const auto requests = mailbox_->take(wake.epoch);
    if (!requests) return;
    threads_at_start_ = mailbox_->threads().load();
    taken_ += static_cast<int>(requests->size());
    std::optional<std::vector<WorkReply>> replies;
    try {
      replies = behaviour(*requests);
    } catch (const Crash&) {
      mailbox_->crash_mark().store(1);
    }
    if (!replies) break;
    mailbox_->reply(wake.epoch, *replies);
    if (!send_message(socket_.get(), as_bytes_of(wake))) return;
  }
  ::shutdown(socket_.get(), SHUT_RDWR);
}

}  // namespace onecopy::gateway
