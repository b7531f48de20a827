#include "worker/process/nursery.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <map>
#include <utility>

#include "shared/base/log.h"
#include "shared/base/process.h"
#include "shared/protocol/control.h"
#include "worker/process/serve_loop.h"

namespace onecopy::worker {
namespace {

// SIGCHLD becomes readable on a descriptor; SIGINT of a terminal is the host's to handle.
sigset_t watched_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGCHLD);
  return set;
}

class Nursery {
 public:
  Nursery(NurseryOptions options, UniqueFd child_events, char** argv)
      : options_(std::move(options)), child_events_(std::move(child_events)), argv_(argv) {}

  int run() {
    if (!send_control(options_.control.get(), {{"type", "hello"}})) return 1;
    for (;;) {
      std::array<pollfd, 2> events{
          {{options_.control.get(), POLLIN, 0}, {child_events_.get(), POLLIN, 0}}};
      if (::poll(events.data(), events.size(), -1) < 0 && errno != EINTR) return 1;
      if (events[1].revents != 0) report_ended();
      if (events[0].revents != 0 && !handle_message()) return 0;
    }
  }

 private:
  // False when there is nothing more to do.
  bool handle_message() {
    auto message = receive_control(options_.control.get());
    if (!message) return false;  // the host is gone; workers end when the gateway does
    if (message->type == "stop") {
      stop_workers();
      return false;
    }
    if (message->type == "model") {
      attach(message->body);
      return true;
    }
    const auto id = number_field(message->body, "id");
    if (message->type != "fork" || !id || !message->fd) {
      log_line("unexpected control message: " + message->type, LogLevel::kWarning);
      return true;
    }
    fork_worker(*id, std::move(message->fd));
    return true;
  }

  // Workers forked from now on have the model attached from the start.
  void attach(const Json& message) {
    const auto segment = text_field(message, "segment");
    const Status attached =
        segment ? models_.attach(*segment) : tl::unexpected<Error>(segment.error());
    if (!attached)
      log_line(attached.error().text,
               LogLevel::kWarning);  // a worker's first request will say so again
  }

  // Where fork fails, closing the socket tells the gateway, and the host tries again.
  void fork_worker(std::uint64_t id, UniqueFd socket) {
    const pid_t pid = ::fork();
    if (pid < 0)
      log_line(fmt::format("cannot fork a worker: {}", errno_text()), LogLevel::kWarning);
    if (pid == 0) become_worker(std::move(socket));
    if (pid < 0) return;
    ids_[pid] = id;
    tell_host({{"type", "forked"}, {"id", id}});
  }

  [[noreturn]] void become_worker(UniqueFd socket) {
    options_.control.reset();
    child_events_.reset();
    const sigset_t set = watched_signals();
    ::sigprocmask(SIG_UNBLOCK, &set, nullptr);  // NOLINT(concurrency-mt-unsafe): it has one thread
    set_process_name("onecopy-worker", argv_);
    // Without the destructors of the nursery's libraries, which belong to the nursery.
    ::_exit(serve(std::move(socket), options_.threads, std::move(models_)));
  }

  // The gateway has ended, so no request is lost; a worker may still compute one that nobody waits
  // for.
  void stop_workers() {
    for (const auto& [pid, id] : ids_) ::kill(pid, SIGKILL);
    for (const auto& [pid, id] : ids_) ::waitpid(pid, nullptr, 0);
    ids_.clear();
  }

  void report_ended() {
    signalfd_siginfo info{};
    [[maybe_unused]] const ssize_t got = ::read(child_events_.get(), &info, sizeof info);
    int status = 0;
    for (pid_t pid = 0; (pid = ::waitpid(-1, &status, WNOHANG)) > 0;) {
      const auto known = ids_.find(pid);
      if (known == ids_.end()) continue;
      tell_host(
          {{"type", "exited"}, {"id", known->second}, {"pid", pid}, {"how", how_it_ended(status)}});
      ids_.erase(known);
    }
  }

  // The host may be gone; then its channel's end of file tells.
  void tell_host(const Json& message) {
    [[maybe_unused]] const Status sent = send_control(options_.control.get(), message);
  }

  NurseryOptions options_;
  UniqueFd child_events_;
  char** argv_;
  ServedModels models_;
  std::map<pid_t, std::uint64_t> ids_;  // of living workers
};

}  // namespace

int run_nursery(NurseryOptions options, char** argv) {
  const sigset_t set = watched_signals();
  ::sigprocmask(SIG_BLOCK, &set, nullptr);  // NOLINT(concurrency-mt-unsafe): it has one thread
  UniqueFd child_events(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!child_events) {
    log_line(fmt::format("cannot watch workers: {}", errno_text()), LogLevel::kError);
    return 1;
  }
  return Nursery(std::move(options), std::move(child_events), argv).run();
}

}  // namespace onecopy::worker
