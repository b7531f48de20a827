#include "host/control/state_feed.h"

#include <utility>

#include "shared/base/log.h"

namespace onecopy::host {

void StateFeed::set_listener(std::string_view port, ListenSocket socket) {
  listeners_.insert_or_assign(std::string(port), std::move(socket));
}

std::string StateFeed::url(std::string_view port) const {
  const auto found = listeners_.find(port);
  return found == listeners_.end() ? "" : found->second.url;
}

void StateFeed::set_given(Role role, KeptState& kept) {
  Given& has = given(role);
  for (const auto& [port, listener] : kept.listeners()) has.listeners.insert(port);
  for (const auto& [name, fd] : kept.segments()) has.segments.insert(name);
}

void StateFeed::give(Role role) {
  ControlLink* const link = children_.link(role);
  const RegistrySnapshot& snapshot = registry_.snapshot();
  if (link == nullptr) return;
  Given& has = given(role);
  if (role == Role::kGateway && !std::exchange(has.settings, true)) link->send(settings_);
  for (const auto& [port, socket] : listeners_) {
    if (has.listeners.insert(port).second) {
      send_listener(*link, port, socket.url, socket.fd.get());
    }
  }
  if (has.revision == snapshot.revision) return;
  std::set<std::string, std::less<>> named;
  for (const auto& segment : registry_.segments()) {
    named.insert(segment->name());
    if (!has.segments.contains(segment->name())) {
      send_segment(*link, segment->name(), segment->fd());
    }
  }
  const Status sent = send_registry(*link, snapshot);
  if (!sent) return log_line(sent.error().text, LogLevel::kError);
  has.segments = std::move(named);
  has.revision = snapshot.revision;
}

}  // namespace onecopy::host
