// The host as gateway and nursery see it: it connects to their rendezvous, may die at any time, and
// the next one connects there too.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "shared/base/event_loop.h"
#include "shared/protocol/control_link.h"
#include "shared/protocol/kept_state.h"
#include "shared/protocol/rendezvous.h"

namespace onecopy {

// A segment that could not be used, and why.
struct FailedSegment {
  std::string segment;
  std::string error;
};

// Class HostLink: owns the rendezvous socket, the links of whoever connected there, and the kept
// state; borrows the loop and its events' receiver. One thread, the loop's. A client becomes the
// host by its hello, in the place of an earlier one; it is then given what is kept. Pings are
// answered here.
class HostLink final : public EventHandler, private ControlLink::Events {
 public:
  class Events {
   public:
    virtual ~Events() = default;
    virtual void on_host_connected() = 0;
    virtual void on_host_gone() = 0;
    // The host's wish; what of it cannot be served. The kept state has it already.
    virtual std::vector<FailedSegment> on_registry(const RegistrySnapshot& registry) = 0;
    virtual void on_listener(const std::string& port) = 0;  // a new one is in the kept state
    // Any other message of the host.
    virtual void on_host_message(ControlMessage& message) = 0;
    // "onecopy stop" where there is no host.
    virtual void on_stop_asked() = 0;
  };

  // `hello`: ours, with what else the host should know.
  HostLink(EventLoop& loop, Events& events, UniqueFd rendezvous, Json hello);
  ~HostLink() override;
  Status start();

  bool has_host() const { return host_ != nullptr; }
  void send(const Json& message, int fd = -1);  // to the host; nothing happens without one
  bool is_flushed() const { return host_ == nullptr || host_->is_flushed(); }
  // What is said of us to the next host.
  void set_hello(Json hello) { hello_ = std::move(hello); }
  KeptState& kept() { return kept_; }
  // No one can connect any more, and the name is free for another process.
  void close_rendezvous();

  void on_events(std::uint32_t events) override;

 private:
  void on_message(ControlLink& link, ControlMessage& message) override;
  void on_closed(ControlLink& link, const std::string& why) override;
  void greet(ControlLink& link, const ControlMessage& message);
  void become_host(ControlLink& link);
  void handle(ControlMessage& message);
  void answer_ping(const ControlMessage& message);
  void apply_registry(ControlMessage& message);
  void drop(ControlLink& link);
  void pause();  // nobody is accepted for a while
  void resume();

  EventLoop& loop_;
  Events& events_;
  UniqueFd rendezvous_;
  Json hello_;
  KeptState kept_;
  std::vector<std::shared_ptr<ControlLink>> clients_;  // the host's among them
  ControlLink* host_ = nullptr;
  std::vector<const ControlLink*> greeted_;
  Timer resume_;
};

}  // namespace onecopy
