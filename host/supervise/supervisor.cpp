#include "host/supervise/supervisor.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <utility>

#include "host/supervise/child_process.h"
#include "shared/base/limits.h"
#include "shared/base/log.h"
#include "shared/base/process.h"

namespace onecopy::host {
namespace {

using namespace std::chrono_literals;

sigset_t watched_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGCHLD}) sigaddset(&set, signal);
  return set;
}

}  // namespace

Supervisor::Supervisor(SupervisorOptions options) : options_(std::move(options)) {}

Supervisor::~Supervisor() { kill_all(); }

Status Supervisor::start() {
  std::signal(SIGPIPE, SIG_IGN);
  const sigset_t set = watched_signals();
  ::sigprocmask(SIG_BLOCK, &set, nullptr);  // NOLINT(concurrency-mt-unsafe): no thread yet
  signals_.reset(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals_) return fail(ErrorCode::kSystem, "cannot watch signals: {}", errno_text());
  RETURN_IF_ERROR(start_nursery());
  return start_gateway();
}

bool Supervisor::asked_to_stop() {
  sigset_t pending;
  return ::sigpending(&pending) == 0 &&
         (sigismember(&pending, SIGTERM) == 1 || sigismember(&pending, SIGINT) == 1);
}

Status Supervisor::run(std::vector<Announcement> models) {
  models_ = std::move(models);
  running_ = true;
  announce_models_to_gateway();
  announce_models_to_nursery();
  start_missing_workers();
  report_ready();
  return loop();
}

// ---- starting ----

Status Supervisor::start_nursery() {
  std::vector<std::string> arguments{"--threads", std::to_string(options_.cores)};
  if (!options_.back_ends.empty())
    arguments.insert(arguments.end(), {"--back-ends", options_.back_ends});
  return start_child(nursery_, "onecopy-nursery", std::move(arguments), {});
}

Status Supervisor::start_gateway() {
  return start_child(
      gateway_, "onecopy-gateway",
      {"--listen", std::to_string(options_.inference_socket), "--management-listen",
       std::to_string(options_.management_socket), "--cores", std::to_string(options_.cores)},
      {options_.inference_socket, options_.management_socket});
}

Status Supervisor::start_child(Child& child, const std::string& program,
                               std::vector<std::string> arguments, std::vector<int> inherited) {
  ASSIGN_OR_RETURN(auto channel, make_channel());
  arguments.insert(arguments.end(), {"--control", std::to_string(channel.second.get())});
  inherited.push_back(channel.second.get());
  ASSIGN_OR_RETURN(child.pid, start_program(program, arguments, inherited));
  child.channel = std::move(channel.first);
  child.started = Clock::now();
  return {};
}

// A send fails only when the process is gone, which is reported; a new one gets the models again.
void Supervisor::announce_models_to_gateway() {
  for (const Announcement& model : models_) {
    [[maybe_unused]] const Status sent =
        send_control(gateway_.channel.get(), {{"type", "model"},
                                              {"name", model.model},
                                              {"version", model.version},
                                              {"segment", model.segment}});
  }
}

void Supervisor::announce_models_to_nursery() {
  for (const Announcement& model : models_) {
    [[maybe_unused]] const Status sent =
        send_control(nursery_.channel.get(), {{"type", "model"}, {"segment", model.segment}});
  }
}

void Supervisor::start_missing_workers() {
  if (!nursery_.greeted || !running_ || drain_deadline_) return;
  while (workers_.size() + scheduled_workers_ < options_.workers) start_worker();
}

// The worker's socket pair: one end goes to the nursery for the worker, one to the gateway. Should
// either of them be gone, the other end closes with it, and that is reported as any worker's end
// is.
void Supervisor::start_worker() {
  const std::uint64_t id = next_worker_++;
  workers_[id] = Clock::now();
  auto ends = make_channel();
  if (!ends) {
    log_line(ends.error().text, LogLevel::kWarning);
    worker_gone(id);
    return;
  }
  const Status to_gateway =
      send_control(gateway_.channel.get(), {{"type", "worker"}, {"id", id}}, ends->first.get());
  const Status to_nursery =
      send_control(nursery_.channel.get(), {{"type", "fork"}, {"id", id}}, ends->second.get());
  if (!to_gateway) workers_.erase(id);  // a new gateway gets workers of its own
  if (!to_nursery)
    log_line(fmt::format("worker {}: {}", id, to_nursery.error().text), LogLevel::kWarning);
}

void Supervisor::worker_gone(std::uint64_t id) {
  const auto worker = workers_.find(id);
  if (worker == workers_.end()) return;
  const auto delay = worker_policy_.delay_after(Clock::now() - worker->second);
  workers_.erase(worker);
  ++scheduled_workers_;
  restarts_.push_back({Clock::now() + delay, [this]() -> Status {
                         --scheduled_workers_;
                         start_missing_workers();
                         return {};
                       }});
}

void Supervisor::report_ready() {
  if (!running_ || !gateway_.greeted || forked_workers_ < options_.workers) return;
  if (auto sent = send_control(gateway_.channel.get(), {{"type", "ready"}}); !sent) return;
  if (!std::exchange(ready_reported_, true)) options_.on_ready();
}

// ---- the loop ----

Status Supervisor::loop() {
  while (gateway_.pid > 0 || !drain_deadline_) {
    std::array<pollfd, 3> events{{{signals_.get(), POLLIN, 0},
                                  {gateway_.channel.get(), POLLIN, 0},
                                  {nursery_.channel.get(), POLLIN, 0}}};
    if (::poll(events.data(), events.size(), wait_milliseconds()) < 0 && errno != EINTR) {
      return fail(ErrorCode::kSystem, "cannot wait for events: {}", errno_text());
    }
    if (events[1].revents != 0) handle_gateway_message();
    if (events[2].revents != 0) handle_nursery_message();
    if (events[0].revents != 0) RETURN_IF_ERROR(handle_signals());
    RETURN_IF_ERROR(run_due_restarts());
    if (drain_deadline_ && Clock::now() >= *drain_deadline_) {
      return fail(ErrorCode::kDeadline,
                  "requests were still in flight {} s after the signal to stop",
                  limits::kDrainDeadline.count());
    }
  }
  end_nursery();
  return {};
}

int Supervisor::wait_milliseconds() const {
  std::optional<Clock::time_point> next = drain_deadline_;
  for (const Restart& restart : restarts_)
    next = next ? std::min(*next, restart.when) : restart.when;
  if (!next) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(*next - Clock::now());
  return static_cast<int>(std::max<std::int64_t>(0, left.count()));
}

Status Supervisor::run_due_restarts() {
  const auto now = Clock::now();
  for (std::size_t i = 0; i < restarts_.size();) {
    if (restarts_[i].when > now) {
      ++i;
      continue;
    }
    const auto what = std::move(restarts_[i].what);
    restarts_.erase(restarts_.begin() + static_cast<std::ptrdiff_t>(i));
    RETURN_IF_ERROR(what());
  }
  return {};
}

Status Supervisor::handle_signals() {
  signalfd_siginfo info{};
  while (::read(signals_.get(), &info, sizeof info) == sizeof info) {
    if (info.ssi_signo == SIGCHLD) continue;
    if (drain_deadline_) return fail(ErrorCode::kDeadline, "stopped at once by a second signal");
    begin_drain();
  }
  int status = 0;
  for (pid_t pid = 0; (pid = ::waitpid(-1, &status, WNOHANG)) > 0;) {
    if (pid == gateway_.pid) {
      workers_.clear();  // they end with the gateway that they were given to
      RETURN_IF_ERROR(child_ended(gateway_, "gateway", how_it_ended(status)));
    } else if (pid == nursery_.pid) {
      RETURN_IF_ERROR(child_ended(nursery_, "nursery", how_it_ended(status)));
    }
  }
  return {};
}

Status Supervisor::child_ended(Child& child, std::string_view name, const std::string& how) {
  child.pid = -1;
  child.channel.reset();
  if (drain_deadline_) return {};
  if (!ready_reported_) {
    return fail(ErrorCode::kSystem, "the {} ended before it was ready ({}); see its messages above",
                name, how);
  }
  child.greeted = false;
  log_line(fmt::format("the {} ended ({}); starting it again", name, how), LogLevel::kWarning);
  const auto delay = child.policy.delay_after(Clock::now() - child.started);
  const bool is_gateway = &child == &gateway_;
  restarts_.push_back({Clock::now() + delay, [this, is_gateway]() -> Status {
                         if (!is_gateway) return start_nursery();
                         RETURN_IF_ERROR(start_gateway());
                         announce_models_to_gateway();
                         start_missing_workers();
                         return {};
                       }});
  return {};
}

void Supervisor::handle_gateway_message() {
  auto message = receive_control(gateway_.channel.get());
  if (!message) {
    gateway_.channel.reset();  // its end comes as a signal
    return;
  }
  if (message->type == "serving") {
    gateway_.greeted = true;
    report_ready();
  } else if (message->type == "worker_gone") {
    if (const auto id = number_field(message->body, "id")) worker_gone(*id);
  }
}

void Supervisor::handle_nursery_message() {
  auto message = receive_control(nursery_.channel.get());
  if (!message) {
    nursery_.channel.reset();
    return;
  }
  if (message->type == "hello") {
    nursery_.greeted = true;
    if (ready_reported_) announce_models_to_nursery();  // it was started again
    start_missing_workers();
  } else if (message->type == "forked") {
    ++forked_workers_;
    if (!ready_reported_) report_ready();
  } else if (message->type == "exited" && !drain_deadline_) {
    log_line(fmt::format("worker {} (process {}) ended: {}", message->body.value("id", 0),
                         message->body.value("pid", 0), message->body.value("how", "")),
             LogLevel::kWarning);
  }
}

// ---- ending ----

void Supervisor::begin_drain() {
  // The gateway answers what is left itself when its own deadline passes; a little longer for that.
  drain_deadline_ = Clock::now() + limits::kDrainDeadline + 2s;
  restarts_.clear();
  [[maybe_unused]] const Status sent = send_control(gateway_.channel.get(), {{"type", "drain"}});
}

void Supervisor::end_nursery() {
  if (nursery_.pid <= 0) return;
  [[maybe_unused]] const Status sent = send_control(nursery_.channel.get(), {{"type", "stop"}});
  nursery_.channel.reset();
  ::waitpid(nursery_.pid, nullptr, 0);
  nursery_.pid = -1;
}

void Supervisor::kill_all() {
  if (gateway_.pid > 0) {
    ::kill(gateway_.pid, SIGKILL);
    ::waitpid(gateway_.pid, nullptr, 0);
    gateway_.pid = -1;
  }
  end_nursery();
}

}  // namespace onecopy::host
