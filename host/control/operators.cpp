#include "host/control/operators.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "shared/base/limits.h"
#include "shared/base/log.h"

namespace onecopy::host {

Operators::~Operators() {
  if (rendezvous_) loop_.remove(rendezvous_.get());
}

Status Operators::start() { return loop_.add(rendezvous_.get(), EPOLLIN, *this); }

void Operators::on_events(std::uint32_t /*events*/) {
  auto channel = accept_client(rendezvous_.get());
  if (!channel) {
    if (channel.error().code != ErrorCode::kBusy) {
      log_line(channel.error().text, LogLevel::kWarning);
    }
    return;
  }
  if (clients_.size() >= limits::kControlClients) drop(*clients_.front().link);
  ControlLink::Events& events = *this;
  auto link = std::make_shared<ControlLink>(loop_, events, std::move(*channel));
  if (const Status started = link->start(); !started) {
    return log_line(started.error().text, LogLevel::kWarning);
  }
  clients_.push_back({std::move(link)});
}

void Operators::on_message(ControlLink& link, ControlMessage& message) {
  const auto client = std::ranges::find(clients_, &link, [](auto& one) { return one.link.get(); });
  if (client == clients_.end()) return;
  if (!client->greeted) return greet(*client, message);
  const Answer answer = on_asked_(message.type);
  link.send({{"type", "result"}, {"status", answer.status}, {"body", {{"lines", answer.lines}}}});
}

// Our hello goes out in any case, so that a process of another version can say who we are.
void Operators::greet(Client& client, const ControlMessage& message) {
  client.link->send(to_json(Hello{.role = std::string(to_string(Role::kHost)), .pid = ::getpid()}));
  const auto hello = check_hello(message);
  client.greeted = hello.has_value();
  if (hello) return;
  log_line(hello.error().text, LogLevel::kWarning);
  drop(*client.link);
}

void Operators::on_closed(ControlLink& link, const std::string& /*why*/) { drop(link); }

void Operators::drop(ControlLink& link) {
  link.close();
  const auto client = std::ranges::find(clients_, &link, [](auto& one) { return one.link.get(); });
  if (client == clients_.end()) return;
  loop_.dispose(std::move(client->link));
  clients_.erase(client);
}

}  // namespace onecopy::host
