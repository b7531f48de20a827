#include "gateway/dispatch/worker_link.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <string_view>
#include <utility>

#include "shared/protocol/channel.h"

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

Status WorkerLink::start(std::unique_ptr<Batch>& batch) {
  RETURN_IF_ERROR(mailbox_.post(++epoch_, batch->requests()));
  const Wake wake{epoch_};
  if (auto sent = send_message(socket_.get(), as_bytes_of(wake)); !sent) {
    return fail(ErrorCode::kUnavailable, "worker {}: {}", id_, sent.error().text);
  }
  batch_ = std::move(batch);
  batch_->marks_cancelled_in(&mailbox_.cancelled());
  last_model_ = &batch_->at(0)->model();
  progress_ = mailbox_.progress();
  silent_for_ = unwanted_for_ = Milliseconds(0);
  started_at_ = Clock::now();
  return {};
}

void WorkerLink::on_events(std::uint32_t /*events*/) {
  Wake wake{};
  ssize_t got = 0;
  do {
    got = ::recv(socket_.get(), &wake, sizeof wake, MSG_TRUNC);
  } while (got < 0 && errno == EINTR);
  if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
  if (got <= 0) return die();
  lied_ = got != sizeof wake || batch_ == nullptr || wake.epoch != epoch_;
  if (lied_) return die();
  finish();
}

void WorkerLink::finish() {
  auto replies = mailbox_.collect(epoch_);
  lied_ = !replies.has_value();
  if (lied_) return die();
  batch_->marks_cancelled_in(nullptr);
  silent_for_ = Milliseconds(0);
  events_.on_reply(*this, std::move(batch_), std::move(*replies));
}

bool WorkerLink::hangs(Milliseconds tick, const Settings& settings) {
  if (batch_ == nullptr) return false;
  const std::uint32_t progress = mailbox_.progress();
  silent_for_ =
      std::exchange(progress_, progress) == progress ? silent_for_ + tick : Milliseconds(0);
  unwanted_for_ = batch_->nobody_waits() ? unwanted_for_ + tick : Milliseconds(0);
  return silent_for_ > settings.worker_silence || unwanted_for_ > settings.cancel_grace;
}

void WorkerLink::end_hung() {
  hung_ = true;
  die();
}

// However it came to this, the process must not go on: it may compute, hold memory, or write.
void WorkerLink::die() {
  if (process_) ::syscall(SYS_pidfd_send_signal, process_.get(), SIGKILL, nullptr, 0U);
  if (batch_ != nullptr) batch_->marks_cancelled_in(nullptr);
  close();
  events_.on_death(*this, std::move(batch_));
}

}  // namespace onecopy::gateway
