#include "gateway/host_link.h"

#include <fcntl.h>

#include <limits>
#include <utility>

#include "shared/base/log.h"

namespace onecopy::gateway {

HostLink::HostLink(EventLoop& loop, Events& events, UniqueFd channel)
    : loop_(loop), events_(events), channel_(std::move(channel)) {}

HostLink::~HostLink() {
  if (channel_) loop_.remove(channel_.get());
}

Status HostLink::start() {
  ::fcntl(channel_.get(), F_SETFL, ::fcntl(channel_.get(), F_GETFL) | O_NONBLOCK);
  ::fcntl(channel_.get(), F_SETFD, FD_CLOEXEC);
  return loop_.add(channel_.get(), EPOLLIN, *this);
}

void HostLink::send(Json message) {
  unsent_.push_back(std::move(message));
  flush();
}

void HostLink::flush() {
  while (channel_ && !unsent_.empty()) {
    const Status sent = send_control(channel_.get(), unsent_.front());
    if (!sent && sent.error().code == ErrorCode::kBusy) {
      loop_.modify(channel_.get(), EPOLLIN | EPOLLOUT);
      return;
    }
    unsent_.pop_front();  // a host that is gone is noticed by its end of file
  }
  if (channel_) loop_.modify(channel_.get(), EPOLLIN);
}

void HostLink::on_events(std::uint32_t events) {
  if ((events & EPOLLOUT) != 0) flush();
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) == 0) return;
  while (channel_ && receive_one()) {
  }
}

bool HostLink::receive_one() {
  auto message = receive_control(channel_.get());
  if (!message && message.error().code == ErrorCode::kBusy) return false;
  if (!message) {
    lose(message.error().text);
    return false;
  }
  if (const Status handled = handle(*message); !handled) {
    log_line(fmt::format("message '{}' from the host: {}", message->type, handled.error().text),
             LogLevel::kWarning);
  }
  return true;
}

Status HostLink::handle(ControlMessage& message) {
  if (message.type == "model") {
    ASSIGN_OR_RETURN(std::string name, text_field(message.body, "name"));
    ASSIGN_OR_RETURN(const std::uint64_t version, number_field(message.body, "version"));
    ASSIGN_OR_RETURN(std::string segment, text_field(message.body, "segment"));
    if (version > std::numeric_limits<std::uint32_t>::max()) {
      return fail(ErrorCode::kCorrupt, "version {} of model {}", version, name);
    }
    events_.on_model(std::move(name), static_cast<std::uint32_t>(version), std::move(segment));
  } else if (message.type == "worker") {
    ASSIGN_OR_RETURN(const std::uint64_t id, number_field(message.body, "id"));
    if (!message.fd) return fail(ErrorCode::kCorrupt, "worker {} came without its socket", id);
    events_.on_worker(id, std::move(message.fd));
  } else if (message.type == "ready") {
    events_.on_ready();
  } else if (message.type == "drain") {
    events_.on_drain();
  } else {
    return fail(ErrorCode::kCorrupt, "unknown type");
  }
  return {};
}

void HostLink::lose(const std::string& why) {
  loop_.remove(channel_.get());
  channel_.reset();
  log_line(fmt::format("the host is gone ({}); finishing what is under way", why),
           LogLevel::kWarning);
  events_.on_host_gone();
}

}  // namespace onecopy::gateway
