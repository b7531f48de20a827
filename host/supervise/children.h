// Gateway and nursery as processes: the supervisor's ports on the event loop.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "host/supervise/reaper.h"
#include "host/supervise/supervisor.h"
#include "shared/protocol/control_link.h"

namespace onecopy::host {

struct ChildOptions {
  std::string instance;
  unsigned cores = 1;
  bool orphans_end = false;      // --orphans end: they end with the host
  unsigned answer_cache_mb = 0;  // the gateway's
};

// Class Children: owns the links to both processes; borrows loop and reaper. The supervisor is
// attached afterwards and must stay until the loop has stopped. One thread.
class Children final : public SupervisorPorts, private ControlLink::Events {
 public:
  Children(EventLoop& loop, Reaper& reaper, ChildOptions options)
      : loop_(loop), reaper_(reaper), options_(std::move(options)), tick_(loop, [this] {
          supervisor_->tick();
          rearm();
        }) {}
  void attach(Supervisor& supervisor) { supervisor_ = &supervisor; }
  // The supervisor's next deadline; after every call of its methods from elsewhere.
  void rearm();
  // The choice that every nursery from now on is given.
  void set_back_ends(std::string text) { back_ends_ = std::move(text); }
  // Null while there is none. Borrowed for the call.
  ControlLink* link(Role role) { return child(role).link.get(); }

  Clock::time_point now() const override { return Clock::now(); }
  Result<bool> find(Role role) override;
  Status watch(Role role, pid_t pid) override;
  Status start(Role role) override;
  void send(Role role, const Json& message, int fd = -1) override;
  bool kill(Role role) override;

 private:
  struct Child {
    std::shared_ptr<ControlLink> link;
    pid_t pid = -1;
  };
  Child& child(Role role) { return role == Role::kGateway ? gateway_ : nursery_; }
  void on_message(ControlLink& link, ControlMessage& message) override;
  void on_closed(ControlLink& link, const std::string& why) override;
  Role role_of(const ControlLink& link) const;
  Status connect(Role role, UniqueFd channel);
  Status watch_process(Role role, pid_t pid, UniqueFd pidfd);
  std::vector<std::string> arguments_of(Role role, int rendezvous) const;

  EventLoop& loop_;
  Reaper& reaper_;
  ChildOptions options_;
  std::string back_ends_;
  Supervisor* supervisor_ = nullptr;
  Child gateway_;
  Child nursery_;
  Timer tick_;
};

}  // namespace onecopy::host
