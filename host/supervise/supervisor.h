// Keeps gateway and nursery alive, and ends them in order. A state machine without a clock or a
// process of its own: what happens comes in as calls, what it wants goes out through its ports.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "shared/base/clock.h"
#include "shared/base/restart_policy.h"
#include "shared/base/status.h"
#include "shared/protocol/control.h"
#include "shared/protocol/rendezvous.h"

namespace onecopy::host {

// What the supervisor can do: children.h does it, tests pretend. Nothing here waits.
class SupervisorPorts {
 public:
  virtual ~SupervisorPorts() = default;
  virtual Clock::time_point now() const = 0;
  // Connects to a process of an earlier host, if one listens. False: there is none.
  virtual Result<bool> find(Role role) = 0;
  // A found process has said who it is: from now on its end is noticed, and kill() reaches it.
  virtual Status watch(Role role, pid_t pid) = 0;
  // Starts a new process and connects to it.
  virtual Status start(Role role) = 0;
  virtual void send(Role role, const Json& message, int fd = -1) = 0;
  // SIGKILL; the end is reported as on_exit. False: no process is known.
  virtual bool kill(Role role) = 0;
};

// What the rest of the host is told.
class SupervisorEvents {
 public:
  virtual ~SupervisorEvents() = default;
  virtual void on_hello(Role role, const Json& hello) = 0;
  // A part of what it keeps: listener, segment, registry. Before on_found only of an earlier host.
  virtual void on_kept(Role role, ControlMessage& message) = 0;
  // All that lived on after an earlier host has handed over what it keeps; serve() goes on.
  virtual void on_found() = 0;
  // It takes messages: it needs listeners, segments, registry.
  virtual void on_up(Role role) = 0;
  virtual void on_message(Role role, ControlMessage& message) = 0;
  virtual void on_down(Role role) = 0;  // until the next on_up
  // Gateway and nursery are gone; the error is why it did not go as wished. Once.
  virtual void on_ended(const Status& status) = 0;
};

// Class Supervisor: borrows ports and events. One thread.
// What it does about an end: a nursery is started again while the workers go on; a gateway is
// started again on the same sockets; both get a new channel to each other. One that ended early
// waits a little before the next start. One that leaves pings unanswered is killed first.
class Supervisor {
 public:
  Supervisor(SupervisorPorts& ports, SupervisorEvents& events) : ports_(ports), events_(events) {}

  // Looks for what lives on after an earlier host; on_found follows, perhaps within the call.
  void find();
  // Starts what is missing, and keeps it alive from now on.
  void serve();
  // The instance can take requests: from now on nothing but stop() ends it.
  void set_ready() { ready_ = true; }
  bool is_up(Role role) const { return child(role).phase == Phase::kUp; }
  bool gave_up() const { return gave_up_; }
  bool is_ending() const { return ending_; }

  // Drains: gateway, then nursery. A second call kills both.
  void stop();
  // The same, but the host cannot go on: `why` is what on_ended gets.
  void stop_because(const Error& why);
  // Nothing is ended: a process of another version serves the instance.
  void give_up(const Error& why);

  void on_message(Role role, ControlMessage& message);
  void on_closed(Role role, const std::string& why);
  void on_exit(Role role, const std::string& how);
  // Does what is due; call it at next_tick() or earlier.
  void tick();
  Clock::time_point next_tick() const;

 private:
  enum class Phase { kAbsent, kWaiting, kGreeting, kUp, kKilled };
  struct Child {
    Phase phase = Phase::kAbsent;
    bool found = false;    // of an earlier host
    bool greeted = false;  // said hello
    bool joined = false;   // has its channel to the other
    Clock::time_point started;
    Clock::time_point due;  // kWaiting: of the next start; kUp: of the next ping
    bool asked = false;     // a ping is not answered yet
    Clock::time_point asked_at;
    std::uint64_t pings = 0;
    RestartPolicy policy;
  };
  Child& child(Role role) { return role == Role::kGateway ? gateway_ : nursery_; }
  const Child& child(Role role) const { return role == Role::kGateway ? gateway_ : nursery_; }

  void start_child(Role role);
  void greet(Role role, const ControlMessage& message);
  void up(Role role);
  void finish_search();
  void join();
  void kill(Role role, const std::string& why);
  void down(Role role, const std::string& how);
  void schedule(Role role, const std::string& how);
  void tick_child(Role role);
  void tick_end();
  Clock::time_point deadline_of(const Child& one) const;
  void begin_end();
  void advance_end();
  void finish();

  SupervisorPorts& ports_;
  SupervisorEvents& events_;
  Child gateway_;
  Child nursery_;
  bool searching_ = false;
  bool serving_ = false;
  bool ready_ = false;
  bool ending_ = false;
  bool stopped_nursery_ = false;
  bool gave_up_ = false;
  bool finished_ = false;
  int early_ends_ = 0;
  Clock::time_point end_deadline_ = Clock::time_point::max();
  Status end_status_;
};

}  // namespace onecopy::host
