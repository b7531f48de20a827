// What gateway and nursery must have: sockets, segments, registry. A process gets what it has not
// yet, before the registry that names it.
#pragma once

#include <array>
#include <set>
#include <string>

#include "host/registry/model_registry.h"
#include "host/supervise/children.h"
#include "host/supervise/listen_socket.h"
#include "shared/protocol/kept_state.h"

namespace onecopy::host {

// Class StateFeed: borrows the registry and the links; owns the listening sockets. One thread.
class StateFeed {
 public:
  StateFeed(Children& children, const ModelRegistry& registry)
      : children_(children), registry_(registry) {}

  void set_listener(std::string_view port, ListenSocket socket);
  void close_listeners() { listeners_.clear(); }
  std::string url(std::string_view port) const;
  bool has_listener(std::string_view port) const { return listeners_.contains(port); }
  // For the gateway: what only a living host knows.
  void set_settings(Json settings) { settings_ = std::move(settings); }

  void give_settings() {
    if (!settings_.is_null()) children_.send(Role::kGateway, settings_);
  }

  // A process of an earlier host has these already.
  void set_given(Role role, KeptState& kept);
  void forget(Role role) { given(role) = {}; }
  void give(Role role);

 private:
  struct Given {
    bool settings = false;
    std::set<std::string, std::less<>> listeners;  // by port
    std::set<std::string, std::less<>> segments;
    std::uint64_t revision = 0;
  };
  Given& given(Role role) { return role == Role::kGateway ? gateway_ : nursery_; }

  Children& children_;
  const ModelRegistry& registry_;
  std::map<std::string, ListenSocket, std::less<>> listeners_;
  Json settings_;
  Given gateway_;
  Given nursery_;
};

}  // namespace onecopy::host
