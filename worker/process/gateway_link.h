// The gateway as the nursery sees it: who says when a worker is forked.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "shared/protocol/control_link.h"
#include "worker/process/children.h"

namespace onecopy::worker {

// Class GatewayLink: owns the channel to the gateway; borrows the loop, the children and the
// events' receiver. One thread, the loop's. Workers of a gateway that is gone end by their sockets'
// end of file; what is left of them after limits::kDrainDeadline is killed.
class GatewayLink final : private ControlLink::Events {
 public:
  class Events {
   public:
    virtual ~Events() = default;
    virtual void on_gateway_gone() = 0;
    virtual void on_gateway_stop() = 0;  // it wants all to end
  };

  // `threads`: of a worker at most.
  GatewayLink(EventLoop& loop, Events& events, Children& children, unsigned threads);
  ~GatewayLink() override;

  // In the place of an earlier one; no event tells of that.
  void connect(UniqueFd channel);
  bool is_open() const { return link_ != nullptr; }

 private:
  void on_message(ControlLink& link, ControlMessage& message) override;
  void on_closed(ControlLink& link, const std::string& why) override;
  void disconnect();
  void fork_worker(ControlMessage& message);
  Result<Child*> start_worker(std::uint64_t id, UniqueFd socket);

  EventLoop& loop_;
  Events& events_;
  Children& children_;
  unsigned threads_;
  std::shared_ptr<ControlLink> link_;
  bool greeted_ = false;
  std::map<std::uint64_t, Child*> workers_;  // of this gateway
};

}  // namespace onecopy::worker
