// Starts, watches and ends the processes of one instance: gateway, nursery and, through it, the
// workers.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "shared/base/restart_policy.h"
#include "shared/base/status.h"
#include "shared/base/unique_fd.h"
#include "shared/protocol/control.h"
#include "shared/segment/model_info.h"

namespace onecopy::host {

struct SupervisorOptions {
  unsigned workers = 1;
  unsigned cores = 1;         // which the gateway shares out among the workers that compute
  std::string back_ends;      // --back-ends of every nursery; empty: it chooses
  int inference_socket = -1;  // listening; borrowed, must outlive the supervisor
  int management_socket = -1;
  std::function<void()> on_ready;  // called once, when the first request can be taken
};

// A published model, as the gateway is told of it.
struct Announcement {
  std::string model;
  std::uint32_t version = 1;
  std::string segment;
};

// Class Supervisor: owns the child processes; its destructor ends those still there. One thread.
// What it does about an end: a worker is replaced (the gateway has given its request to another); a
// nursery is started again while its workers go on; a gateway is started again on the same sockets,
// with new workers.
class Supervisor {
 public:
  explicit Supervisor(SupervisorOptions options);
  ~Supervisor();
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  // Starts nursery and gateway, which get ready while models are loaded. From here on SIGTERM,
  // SIGINT and SIGCHLD are blocked and answered by run().
  Status start();

  // Whether SIGTERM or SIGINT is waiting: loading should stop.
  static bool asked_to_stop();

  // Serves the models until SIGTERM or SIGINT, then drains: returns when all processes have ended.
  // The error is why serving could not start or go on.
  Status run(std::vector<Announcement> models);

 private:
  using Clock = std::chrono::steady_clock;
  struct Child {
    pid_t pid = -1;
    UniqueFd channel;
    Clock::time_point started;
    bool greeted = false;  // said hello or serving
    RestartPolicy policy;
  };
  struct Restart {
    Clock::time_point when;
    std::function<Status()> what;
  };

  Status start_nursery();
  Status start_gateway();
  Status start_child(Child& child, const std::string& program, std::vector<std::string> arguments,
                     std::vector<int> inherited);
  void announce_models_to_gateway();
  void announce_models_to_nursery();
  void start_missing_workers();
  void start_worker();
  void worker_gone(std::uint64_t id);

  Status loop();
  int wait_milliseconds() const;
  Status run_due_restarts();
  Status handle_signals();
  Status child_ended(Child& child, std::string_view name, const std::string& how);
  void handle_gateway_message();
  void handle_nursery_message();
  void report_ready();
  void begin_drain();
  void end_nursery();
  void kill_all();

  SupervisorOptions options_;
  UniqueFd signals_;
  Child nursery_;
  Child gateway_;
  std::vector<Announcement> models_;
  std::map<std::uint64_t, Clock::time_point> workers_;  // id -> when it was asked for
  std::uint64_t next_worker_ = 1;
  std::size_t scheduled_workers_ = 0;
  std::size_t forked_workers_ = 0;  // since the start, replaced ones included
  RestartPolicy worker_policy_;
  std::vector<Restart> restarts_;
  bool running_ = false;  // run() was called: models are there
  bool ready_reported_ = false;
  std::optional<Clock::time_point> drain_deadline_;
};

}  // namespace onecopy::host
