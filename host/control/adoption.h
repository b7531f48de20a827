// What gateway and nursery hand over to a host that was started after another died.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "host/load/verify_job.h"
#include "host/registry/model_registry.h"
#include "host/supervise/listen_socket.h"
#include "shared/protocol/kept_state.h"
#include "shared/protocol/rendezvous.h"

namespace onecopy::host {

// Class Adoption: collects, decides which registry is the newest, and has its segments verified.
// Owns what was handed over until it is taken. One thread.
class Adoption {
 public:
  Adoption(EventLoop& loop, Reaper& reaper) : loop_(loop), reaper_(reaper) {}

  void keep(Role role, ControlMessage& message);
  void add_process(Role role) { (role == Role::kGateway ? has_gateway_ : has_nursery_) = true; }
  bool has_anything() const { return has_gateway_ || has_nursery_; }
  bool has(Role role) const { return role == Role::kGateway ? has_gateway_ : has_nursery_; }
  KeptState& kept(Role role) { return role == Role::kGateway ? gateway_ : nursery_; }

  // Verifies, then fills the registry; `on_done` gets a line for each thing that was lost.
  Status fill(ModelRegistry& registry, std::function<void(std::vector<std::string>)> on_done);
  // The listening socket of this port; none: there was none.
  std::optional<ListenSocket> take_listener(std::string_view port);

 private:
  KeptState& newest();
  std::vector<VerifyJob::Candidate> candidates(const RegistrySnapshot& snapshot) const;

  EventLoop& loop_;
  Reaper& reaper_;
  bool has_gateway_ = false;
  bool has_nursery_ = false;
  KeptState gateway_;
  KeptState nursery_;
  std::shared_ptr<VerifyJob> verify_;
};

}  // namespace onecopy::host
