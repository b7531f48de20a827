#include "host/supervise/children.h"

#include <unistd.h>

#include <csignal>
#include <utility>

#include "host/supervise/child_process.h"
#include "shared/base/log.h"
#include "shared/base/pidfd.h"

namespace onecopy::host {

Result<bool> Children::find(Role role) {
  auto channel = connect_to(options_.instance, role);
  if (!channel && channel.error().code == ErrorCode::kNotFound) return false;
  if (!channel) return tl::unexpected<Error>(channel.error());
  RETURN_IF_ERROR(connect(role, std::move(*channel)));
  return true;
}

Status Children::watch(Role role, pid_t pid) {
  ASSIGN_OR_RETURN(UniqueFd pidfd, open_pidfd(pid));
  return watch_process(role, pid, std::move(pidfd));
}

Status Children::watch_process(Role role, pid_t pid, UniqueFd pidfd) {
  child(role).pid = pid;
  return reaper_.watch(pid, std::move(pidfd), [this, role, pid](const std::string& how) {
    Child& one = child(role);
    if (one.pid != pid) return;
    one.pid = -1;
    // What it said before its end was read already, or is not worth waiting for.
    if (one.link) {
      one.link->close();
      loop_.dispose(std::exchange(one.link, nullptr));
    }
    supervisor_->on_exit(role, how);
    rearm();
  });
}

// The socket is there before the process is: connecting can't fail, and what is said before it
// listens waits in the kernel.
Status Children::start(Role role) {
  ASSIGN_OR_RETURN(const UniqueFd rendezvous, listen_at(options_.instance, role));
  const int inherited = rendezvous.get();
  const std::string program = fmt::format("onecopy-{}", to_string(role));
  ASSIGN_OR_RETURN(auto started,
                   start_program(program, arguments_of(role, inherited), std::span(&inherited, 1)));
  RETURN_IF_ERROR(watch_process(role, started.pid, std::move(started.pidfd)));
  auto channel = connect_to(options_.instance, role);
  if (!channel) {
    kill(role);
    return tl::unexpected<Error>(channel.error());
  }
  return connect(role, std::move(*channel));
}

std::vector<std::string> Children::arguments_of(Role role, int rendezvous) const {
  std::vector<std::string> arguments{"--rendezvous",
                                     std::to_string(rendezvous),
                                     "--orphans",
                                     options_.orphans_end ? "end" : "keep",
                                     role == Role::kGateway ? "--cores" : "--threads",
                                     std::to_string(options_.cores)};
  if (role == Role::kGateway) {
    arguments.insert(arguments.end(),
                     {"--answer-cache-mb", std::to_string(options_.answer_cache_mb)});
  }
  if (role == Role::kNursery && !back_ends_.empty()) {
    arguments.insert(arguments.end(), {"--back-ends", back_ends_});
  }
  return arguments;
}

Status Children::connect(Role role, UniqueFd channel) {
  ControlLink::Events& events = *this;
  auto link = std::make_shared<ControlLink>(loop_, events, std::move(channel));
  RETURN_IF_ERROR(link->start());
  link->send(to_json(Hello{.role = std::string(to_string(Role::kHost)), .pid = ::getpid()}));
  child(role).link = std::move(link);
  return {};
}

void Children::send(Role role, const Json& message, int fd) {
  if (child(role).link) child(role).link->send(message, fd);
}

bool Children::kill(Role role) {
  Child& one = child(role);
  if (one.link) {
    one.link->close();
    loop_.dispose(std::exchange(one.link, nullptr));
  }
  return one.pid > 0 && reaper_.signal(one.pid, SIGKILL);
}

void Children::rearm() {
  const auto next = supervisor_->next_tick();
  if (next == Clock::time_point::max()) return tick_.clear();
  tick_.set(next);
}

Role Children::role_of(const ControlLink& link) const {
  return gateway_.link.get() == &link ? Role::kGateway : Role::kNursery;
}

void Children::on_message(ControlLink& link, ControlMessage& message) {
  supervisor_->on_message(role_of(link), message);
  rearm();
}

void Children::on_closed(ControlLink& link, const std::string& why) {
  const Role role = role_of(link);
  loop_.dispose(std::exchange(child(role).link, nullptr));
  supervisor_->on_closed(role, why);
  rearm();
}

}  // namespace onecopy::host
