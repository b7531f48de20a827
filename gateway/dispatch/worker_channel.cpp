#include "gateway/dispatch/worker_channel.h"

#include <fcntl.h>

#include <utility>

namespace onecopy::gateway {
namespace {

constexpr std::uint32_t kIncoming = EPOLLIN | EPOLLRDHUP;

}  // namespace

Result<WorkerChannel> WorkerChannel::create(EventLoop& loop, UniqueFd socket, int mailbox) {
  ::fcntl(socket.get(), F_SETFL, ::fcntl(socket.get(), F_GETFL) | O_NONBLOCK);
  RETURN_IF_ERROR(send_worker_message(socket.get(), WorkerSays::kGreeting, {}, mailbox));
  return WorkerChannel(loop, std::move(socket));
}

Status WorkerChannel::watch(EventHandler& handler) {
  return loop_->add(socket_.get(), kIncoming, handler);
}

void WorkerChannel::close() {
  if (socket_) loop_->remove(socket_.get());
  socket_.reset();
  unsent_.clear();
}

Status WorkerChannel::wake(const Model& model, std::uint64_t epoch) {
  if (attached_.insert(model.segment).second) {
    for (const OpenSegmentPtr& file : model.files) {
      RETURN_IF_ERROR(send({WorkerSays::kFile, file->name, file, 0}));
    }
    RETURN_IF_ERROR(send({WorkerSays::kAttach, model.segment, nullptr, 0}));
  }
  return send({WorkerSays::kWake, {}, nullptr, epoch});
}

void WorkerChannel::detach(const std::string& segment, bool busy) {
  if (attached_.erase(segment) == 0) return;
  to_detach_.push_back(segment);
  if (!busy) detach_waiting();
}

void WorkerChannel::detach_waiting() {
  for (std::string& segment : to_detach_) {
    // A worker that is gone is noticed by its end of file.
    static_cast<void>(send({WorkerSays::kDetach, std::move(segment), nullptr, 0}));
  }
  to_detach_.clear();
}

Status WorkerChannel::send(Unsent message) {
  if (unsent_.empty()) {
    Status sent = send_now(message);
    if (sent || sent.error().code != ErrorCode::kBusy) return sent;
    loop_->modify(socket_.get(), kIncoming | EPOLLOUT);
  }
  unsent_.push_back(std::move(message));
  return {};
}

Status WorkerChannel::send_now(const Unsent& message) const {
  if (message.kind == WorkerSays::kWake) return send_wake(socket_.get(), message.epoch);
  return send_worker_message(socket_.get(), message.kind, message.segment,
                             message.file ? message.file->fd.get() : -1);
}

void WorkerChannel::flush() {
  while (!unsent_.empty()) {
    const Status sent = send_now(unsent_.front());
    if (!sent && sent.error().code == ErrorCode::kBusy) return;
    unsent_.pop_front();
  }
  if (socket_) loop_->modify(socket_.get(), kIncoming);
}

}  // namespace onecopy::gateway
