#include "gateway/control/nursery_link.h"

#include <unistd.h>

#include <utility>

#include "shared/base/log.h"
#include "shared/protocol/rendezvous.h"

namespace onecopy::gateway {

void NurseryLink::connect(UniqueFd channel) {
  if (link_) {
    link_->close();
    loop_.dispose(std::exchange(link_, nullptr));
  }
  greeted_ = false;
  ControlLink::Events& events = *this;
  auto link = std::make_shared<ControlLink>(loop_, events, std::move(channel));
  if (const Status started = link->start(); !started) {
    log_line(fmt::format("the nursery's channel: {}", started.error().text), LogLevel::kError);
  } else {
    link_ = std::move(link);
    Hello hello;
    hello.role = to_string(Role::kGateway);
    hello.pid = ::getpid();
    link_->send(to_json(hello));
  }
  events_.on_nursery_changed();
}

void NurseryLink::stop() {
  if (link_) link_->send({{"type", "stop"}});
}

void NurseryLink::fork(std::uint64_t id, int socket) {
  link_->send({{"type", "fork"}, {"id", id}}, socket);
}

void NurseryLink::on_message(ControlLink& link, ControlMessage& message) {
  if (!greeted_) {
    const auto hello = check_hello(message);
    greeted_ = hello.has_value();
    if (greeted_) return;
    link.close();
    return on_closed(link, hello.error().text);
  }
  if (const Status handled = handle(message); !handled) {
    log_line(fmt::format("'{}' from the nursery: {}", message.type, handled.error().text),
             LogLevel::kWarning);
  }
}

Status NurseryLink::handle(ControlMessage& message) {
  ASSIGN_OR_RETURN(const std::uint64_t id, number_field(message.body, "id"));
  if (message.type == "forked") {
    ASSIGN_OR_RETURN(const std::uint64_t pid, number_field(message.body, "pid"));
    events_.on_forked(id, static_cast<pid_t>(pid), std::move(message.fd));
  } else if (message.type == "fork_failed") {
    ASSIGN_OR_RETURN(const std::string why, text_field(message.body, "error"));
    events_.on_fork_failed(id, why);
  } else if (message.type == "exited") {
    ASSIGN_OR_RETURN(const std::string how, text_field(message.body, "how"));
    events_.on_exited(id, how);
  } else {
    return fail(ErrorCode::kCorrupt, "unknown type");
  }
  return {};
}

void NurseryLink::on_closed(ControlLink& /*link*/, const std::string& why) {
  log_line(
      fmt::format("the nursery is gone ({}); workers go on, and new ones wait for another", why),
      LogLevel::kWarning);
  loop_.dispose(std::exchange(link_, nullptr));
  events_.on_nursery_changed();
}

}  // namespace onecopy::gateway
