#include "shared/protocol/host_link.h"

#include <algorithm>
#include <utility>

#include "shared/base/limits.h"
#include "shared/base/log.h"

namespace onecopy {

HostLink::HostLink(EventLoop& loop, Events& events, UniqueFd rendezvous, Json hello)
    : loop_(loop),
      events_(events),
      rendezvous_(std::move(rendezvous)),
      hello_(std::move(hello)),
      resume_(loop, [this] { resume(); }) {}

HostLink::~HostLink() { close_rendezvous(); }

void HostLink::resume() {
  if (!rendezvous_) return;
  if (const Status good = start(); !good) log_line(good.error().text, LogLevel::kError);
}

Status HostLink::start() { return loop_.add(rendezvous_.get(), EPOLLIN, *this); }

void HostLink::close_rendezvous() {
  if (rendezvous_) loop_.remove(rendezvous_.get());
  rendezvous_.reset();
}

void HostLink::send(const Json& message, int fd) {
  if (host_ != nullptr) host_->send(message, fd);
}

void HostLink::on_events(std::uint32_t /*events*/) {
  auto client = accept_client(rendezvous_.get());
  if (!client) {
    if (client.error().code == ErrorCode::kBusy) return;
    log_line(client.error().text, LogLevel::kWarning);
    // Out of descriptors, say: the client is still there and would be reported at once again.
    if (client.error().code == ErrorCode::kSystem) pause();
    return;
  }
  // Those that never say hello make room for others.
  if (clients_.size() >= limits::kControlClients) {
    const auto oldest =
        std::ranges::find_if(clients_, [&](const auto& link) { return link.get() != host_; });
    drop(**oldest);
  }
  ControlLink::Events& events = *this;
  auto link = std::make_shared<ControlLink>(loop_, events, std::move(*client));
  if (const Status started = link->start(); !started)
    return log_line(started.error().text, LogLevel::kError);
  clients_.push_back(std::move(link));
}

void HostLink::pause() {
  loop_.remove(rendezvous_.get());
  resume_.set_after(limits::kAcceptPause);
}

void HostLink::on_message(ControlLink& link, ControlMessage& message) {
  if (std::ranges::find(greeted_, &link) == greeted_.end()) return greet(link, message);
  if (&link == host_) return handle(message);
  if (message.type == "stop" && host_ == nullptr) return events_.on_stop_asked();
  log_line(fmt::format("'{}' from a process that is not the host", message.type),
           LogLevel::kWarning);
}

// Our hello goes out in any case, so that a process of another version can say who we are.
void HostLink::greet(ControlLink& link, const ControlMessage& message) {
  link.send(hello_);
  const auto hello = check_hello(message);
  if (!hello) {
    log_line(hello.error().text, LogLevel::kWarning);
    return drop(link);
  }
  greeted_.push_back(&link);
  if (hello->role == to_string(Role::kHost)) become_host(link);
}

void HostLink::become_host(ControlLink& link) {
  ControlLink* const former = std::exchange(host_, &link);
  if (former != nullptr) drop(*former);
  kept_.hand_over(link);
  events_.on_host_connected();
}

void HostLink::handle(ControlMessage& message) {
  if (message.type == "ping") return answer_ping(message);
  if (message.type == "registry") return apply_registry(message);
  if (!KeptState::is_for(message)) return events_.on_host_message(message);
  if (const Status kept = kept_.keep(message); !kept)
    return log_line(kept.error().text, LogLevel::kWarning);
  if (message.type == "listener") events_.on_listener(message.body.value("port", ""));
}

void HostLink::answer_ping(const ControlMessage& message) {
  const auto n = number_field(message.body, "n");
  if (!n) return log_line(n.error().text, LogLevel::kWarning);
  send({{"type", "pong"}, {"n", *n}});
}

void HostLink::apply_registry(ControlMessage& message) {
  Json failed = Json::array();
  const Status kept = kept_.keep(message);
  if (!kept) {
    log_line(kept.error().text, LogLevel::kWarning);
    return send({{"type", "refused"}, {"error", kept.error().text}});
  }
  for (const FailedSegment& one : events_.on_registry(kept_.registry())) {
    failed.push_back({{"segment", one.segment}, {"error", one.error}});
  }
  send({{"type", "applied"}, {"revision", kept_.registry().revision}, {"failed", failed}});
}

void HostLink::on_closed(ControlLink& link, const std::string& /*why*/) { drop(link); }

void HostLink::drop(ControlLink& link) {
  link.close();
  std::erase(greeted_, &link);
  const auto place = std::ranges::find(clients_, &link, &std::shared_ptr<ControlLink>::get);
  if (place == clients_.end()) return;
  loop_.dispose(std::move(*place));
  clients_.erase(place);
  if (&link != host_) return;
  host_ = nullptr;
  events_.on_host_gone();
}

}  // namespace onecopy
