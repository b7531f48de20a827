#include "shared/protocol/control_link.h"

#include <fcntl.h>

#include <utility>

#include "shared/base/limits.h"
#include "shared/base/log.h"

namespace onecopy {

ControlLink::ControlLink(EventLoop& loop, Events& events, UniqueFd channel)
    : loop_(loop), events_(events), channel_(std::move(channel)) {}

ControlLink::~ControlLink() { close(); }

void ControlLink::close() {
  if (channel_) loop_.remove(channel_.get());
  channel_.reset();
  unsent_.clear();
}

Status ControlLink::start() {
  ::fcntl(channel_.get(), F_SETFL, ::fcntl(channel_.get(), F_GETFL) | O_NONBLOCK);
  ::fcntl(channel_.get(), F_SETFD, FD_CLOEXEC);
  return loop_.add(channel_.get(), EPOLLIN, *this);
}

void ControlLink::send(const Json& message, int fd) {
  if (!channel_) return;
  std::string text = message.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (text.size() > limits::kMessageBytes) {
    // It would end the link at the other end. What can be larger belongs into a memory file.
    return log_line(
        fmt::format("message '{}' of {} bytes is not sent, at most {} may be",
                    text_field(message, "type").value_or(""), text.size(), limits::kMessageBytes),
        LogLevel::kError);
  }
  if (unsent_.empty()) {
    const Status sent = send_message(channel_.get(), std::as_bytes(std::span(text)), fd);
    // An end that is gone is noticed by its end of file, after the messages that it sent before.
    if (sent || sent.error().code != ErrorCode::kBusy) return;
  }
  keep(std::move(text), fd);
}

void ControlLink::keep(std::string text, int fd) {
  if (unsent_.size() >= limits::kUnsentMessages) {
    return lose_soon(fmt::format("it left {} messages unread", limits::kUnsentMessages));
  }
  UniqueFd copy(fd >= 0 ? ::fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1);
  if (fd >= 0 && !copy) return lose_soon(fmt::format("cannot keep a message: {}", errno_text()));
  unsent_.push_back({std::move(text), std::move(copy)});
  loop_.modify(channel_.get(), EPOLLIN | EPOLLOUT);
}

// Not within the sender's call: it does not expect to lose the link there.
void ControlLink::lose_soon(std::string why) {
  loop_.run_soon([this, alive = std::weak_ptr(alive_), why = std::move(why)] {
    if (!alive.expired()) lose(why);
  });
}

void ControlLink::flush() {
  while (channel_ && !unsent_.empty()) {
    const Unsent& next = unsent_.front();
    const Status sent =
        send_message(channel_.get(), std::as_bytes(std::span(next.text)), next.fd.get());
    if (!sent && sent.error().code == ErrorCode::kBusy) return;
    unsent_.pop_front();
  }
  if (channel_) loop_.modify(channel_.get(), EPOLLIN);
}

void ControlLink::on_events(std::uint32_t events) {
  const std::weak_ptr<bool> alive = alive_;
  if ((events & EPOLLOUT) != 0) flush();
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) == 0) return;
  while (!alive.expired() && channel_ && receive_one()) {
  }
}

bool ControlLink::receive_one() {
  auto message = receive_control(channel_.get());
  if (!message && message.error().code == ErrorCode::kBusy) return false;
  if (!message) {
    lose(message.error().text);
    return false;
  }
  events_.on_message(*this, *message);
  return true;
}

void ControlLink::lose(const std::string& why) {
  if (!channel_) return;
  close();
  events_.on_closed(*this, why);
}

}  // namespace onecopy
