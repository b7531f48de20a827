#include "tests/gateway/fake_worker.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <utility>

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

std::set<std::string> FakeWorker::attached() const {
  const std::scoped_lock lock(mutex_);
  return attached_;
}

// False: the worker ends.
bool FakeWorker::follow(WorkerMessage message) {
  const std::scoped_lock lock(mutex_);
  switch (message.kind) {
    case WorkerSays::kFile:
      files_.insert(message.segment);
      return true;
    case WorkerSays::kAttach:
      EXPECT_TRUE(files_.contains(message.segment)) << message.segment << " has no file";
      attached_.insert(message.segment);
      return true;
    case WorkerSays::kDetach:
      EXPECT_EQ(attached_.erase(message.segment), 1U) << message.segment << " is not attached";
      return true;
    default:
      return false;
  }
}

bool FakeWorker::compute(const BatchBehaviour& behaviour, std::uint64_t epoch) {
  const auto requests = mailbox_->take(epoch);
  if (!requests) return false;
  for (const WorkRequest& request : *requests) {
    EXPECT_TRUE(attached().contains(std::string(request.segment))) << request.segment;
  }
  threads_at_start_ = mailbox_->threads().load();
  taken_ += static_cast<int>(requests->size());
  std::optional<std::vector<WorkReply>> replies;
  try {
    replies = behaviour(*requests);
  } catch (const Crash&) {
    mailbox_->crash_mark().store(1);
  }
  if (!replies) return false;
  mailbox_->reply(epoch, *replies);
  return send_wake(socket_.get(), epoch).has_value();
}

void FakeWorker::run(const BatchBehaviour& behaviour) {
  for (;;) {
    auto message = receive_worker_message(socket_.get());
    if (!message) break;
    if (message->kind == WorkerSays::kGreeting) {
      auto mailbox = Mailbox::attach(std::move(message->fd));
      if (!mailbox) break;
      mailbox_ = std::move(*mailbox);
    } else if (message->kind == WorkerSays::kWake) {
      if (!compute(behaviour, message->epoch)) break;
    } else if (!follow(std::move(*message))) {
      break;
    }
  }
  ended_ = true;
  ::shutdown(socket_.get(), SHUT_RDWR);
}

}  // namespace onecopy::gateway
