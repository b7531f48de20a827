// The gateway's end of the channel to the host (shared/control.h).
#pragma once

#include <cstdint>
#include <deque>
#include <string>

#include "shared/base/event_loop.h"
#include "shared/base/unique_fd.h"
#include "shared/protocol/control.h"

namespace onecopy::gateway {

// Class HostLink: owns the channel; never blocks: what the host does not take yet is kept.
class HostLink final : public EventHandler {
 public:
  class Events {
   public:
    virtual ~Events() = default;
    virtual void on_model(std::string name, std::uint32_t version, std::string segment) = 0;
    virtual void on_worker(std::uint64_t id, UniqueFd socket) = 0;
    virtual void on_ready() = 0;
    virtual void on_drain() = 0;
    virtual void on_host_gone() = 0;
  };

  HostLink(EventLoop& loop, Events& events, UniqueFd channel);
  ~HostLink() override;
  Status start();

  void send(Json message);

  void on_events(std::uint32_t events) override;

 private:
  Status handle(ControlMessage& message);
  bool receive_one();
  void flush();
  void lose(const std::string& why);

  EventLoop& loop_;
  Events& events_;
  UniqueFd channel_;
  std::deque<Json> unsent_;
};

}  // namespace onecopy::gateway
