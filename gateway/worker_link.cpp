#include "gateway/worker_link.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <cerrno>
#include <string_view>
#include <utility>

#include "shared/channel.h"

namespace onecopy::gateway {

Result<std::shared_ptr<WorkerLink>> WorkerLink::create(EventLoop& loop, Events& events,
                                                       std::uint64_t id, UniqueFd socket) {
  constexpr std::string_view kGreeting = "mailbox";
  ::fcntl(socket.get(), F_SETFL, ::fcntl(socket.get(), F_GETFL) | O_NONBLOCK);
  ASSIGN_OR_RETURN(Mailbox mailbox, Mailbox::create());
  RETURN_IF_ERROR(send_message(socket.get(), std::as_bytes(std::span(kGreeting)), mailbox.fd()));
  const int fd = socket.get();
  auto link = std::make_shared<WorkerLink>(loop, events, id, std::move(socket), std::move(mailbox));
  RETURN_IF_ERROR(loop.add(fd, EPOLLIN | EPOLLRDHUP, *link));
  return link;
}

WorkerLink::WorkerLink(EventLoop& loop, Events& events, std::uint64_t id, UniqueFd socket,
                       Mailbox mailbox)
    : loop_(loop),
      events_(events),
      id_(id),
      socket_(std::move(socket)),
      mailbox_(std::move(mailbox)) {}

WorkerLink::~WorkerLink() { close(); }

void WorkerLink::close() {
  if (socket_) loop_.remove(socket_.get());
  socket_.reset();
}

Status WorkerLink::start(WorkItem& item) {
  const WorkRequest request = item.call->request_of(item);
  RETURN_IF_ERROR(mailbox_.post(++epoch_, request));
  const Wake wake{epoch_};
  if (auto sent = send_message(socket_.get(), as_bytes_of(wake)); !sent) {
    return fail(ErrorCode::kUnavailable, "worker {}: {}", id_, sent.error().text);
  }
  busy_ = true;
  item_ = &item;
  item.worker = this;
  last_model_ = &item.call->model();
  started_at_ = Clock::now();
  return {};
}

void WorkerLink::abandon() {
  if (item_ != nullptr) item_->worker = nullptr;
  item_ = nullptr;
}

void WorkerLink::on_events(std::uint32_t /*events*/) {
  Wake wake{};
  ssize_t got = 0;
  do {
    got = ::recv(socket_.get(), &wake, sizeof wake, MSG_TRUNC);
  } while (got < 0 && errno == EINTR);
  if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
  if (got <= 0) return die();
  lied_ = got != sizeof wake || !busy_ || wake.epoch != epoch_;
  if (lied_) return die();
  finish();
}

void WorkerLink::finish() {
  WorkReply reply;
  if (item_ != nullptr) {
    auto collected = mailbox_.collect(epoch_, item_->call->request_of(*item_));
    lied_ = !collected.has_value();
    if (lied_) return die();
    reply = std::move(*collected);
  }
  busy_ = false;
  WorkItem* const item = std::exchange(item_, nullptr);
  if (item != nullptr) item->worker = nullptr;
  events_.on_reply(*this, item, std::move(reply));
}

void WorkerLink::die() {
  close();
  busy_ = false;
  WorkItem* const item = std::exchange(item_, nullptr);
  if (item != nullptr) item->worker = nullptr;
  events_.on_death(*this, item);
}

}  // namespace onecopy::gateway
