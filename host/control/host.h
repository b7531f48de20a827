// The host: everything that it consists of, on one event loop.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "host/control/adoption.h"
#include "host/control/commands.h"
#include "host/control/config_changes.h"
#include "host/control/operators.h"
#include "host/control/registrations.h"
#include "host/control/report.h"
#include "host/control/state_feed.h"
#include "host/options.h"
#include "host/supervise/children.h"
#include "host/supervise/signals.h"

namespace onecopy::host {

// Class Host: owns registry, loads, children and sockets; borrows the loop. One thread; nothing in
// it waits. Destroyed, it leaves nothing behind, unless it gave up an instance that others serve.
class Host final : private SupervisorEvents {
 public:
  // `arguments`: the command line again, for when the config file is read anew.
  Host(EventLoop& loop, ServeOptions options, std::vector<std::string> arguments, UniqueFd lock);
  ~Host() override;

  // Serves until it is told to stop, or cannot go on: the error says why.
  Status run();

 private:
  // SupervisorEvents
  void on_hello(Role role, const Json& hello) override;
  void on_kept(Role role, ControlMessage& message) override;
  void on_found() override;
  void on_up(Role role) override;
  void on_message(Role role, ControlMessage& message) override;
  void on_down(Role role) override;
  void on_ended(const Status& status) override;

  // starting
  void adopted(const std::vector<std::string>& lost);
  Status take_sockets();
  Status take_socket(std::string_view port, const std::string& host, std::uint16_t number);
  Status read_settings();
  void begin_serving();
  void report_ready();

  // changing
  void publish();
  void apply_models(std::vector<std::string>& lines);
  void load(NewModel model);
  void apply_workers(std::vector<std::string>& lines);
  Operators::Answer reload();
  Operators::Answer on_asked(const std::string& what);

  // ending
  void on_signal(int number);
  void stop();
  void fail_start(const Error& error);
  void end_children();

  EventLoop& loop_;
  ServeOptions options_;
  std::vector<std::string> arguments_;
  Operators operators_;  // holds the lock: destroyed last
  Reaper reaper_;
  Signals signals_;
  Children children_;
  ModelRegistry registry_;
  StateFeed feed_;
  Trials trials_;
  Registrations registrations_;
  Commands commands_;
  Supervisor supervisor_;
  Adoption adoption_;
  StartReport report_;
  Timer end_timer_;
  std::string back_ends_;      // the nursery's
  std::uint64_t applied_ = 0;  // revision that the gateway serves
  std::uint64_t alive_workers_ = 0;
  std::uint64_t wanted_workers_ = 0;
  std::size_t starting_loads_ = 0;  // of the command line and config, under way
  bool serving_ = false;
  bool ready_ = false;
  bool starting_ = true;  // a model that cannot be loaded ends us, unless we adopted
  Clock::time_point end_by_;
  Status end_status_;
};

}  // namespace onecopy::host
