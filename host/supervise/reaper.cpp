#include "host/supervise/reaper.h"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <system_error>
#include <utility>

#include "shared/base/pidfd.h"
#include "shared/base/process.h"
#include "shared/base/small_file.h"

namespace onecopy::host {

struct Reaper::Watched final : EventHandler {
  Watched(Reaper& owner, pid_t number, UniqueFd fd, OnEnd callback)
      : reaper(owner), pid(number), pidfd(std::move(fd)), on_end(std::move(callback)) {}
  void on_events(std::uint32_t /*events*/) override { reaper.ended(pid); }

  Reaper& reaper;
  pid_t pid;
  UniqueFd pidfd;
  OnEnd on_end;
  std::optional<int> status;  // when reap_all() was first
};

Reaper::~Reaper() {
  for (const auto& [pid, watched] : watched_) loop_.remove(watched->pidfd.get());
}

Status Reaper::watch(pid_t pid, UniqueFd pidfd, OnEnd on_end) {
  auto watched = std::make_shared<Watched>(*this, pid, std::move(pidfd), std::move(on_end));
  RETURN_IF_ERROR(loop_.add(watched->pidfd.get(), EPOLLIN, *watched));
  watched_[pid] = std::move(watched);
  return {};
}

bool Reaper::signal(pid_t pid, int number) const {
  const auto found = watched_.find(pid);
  return found != watched_.end() && send_signal(found->second->pidfd.get(), number);
}

void Reaper::ended(pid_t pid) {
  const auto found = watched_.find(pid);
  if (found == watched_.end()) return;
  const std::shared_ptr<Watched> watched = std::move(found->second);
  watched_.erase(found);
  loop_.remove(watched->pidfd.get());
  loop_.dispose(watched);
  const auto status = watched->status ? watched->status : reap(watched->pidfd.get());
  watched->on_end(status ? how_it_ended(*status) : "it ended");
}

void Reaper::reap_all() {
  int status = 0;
  for (pid_t pid = 0; (pid = ::waitpid(-1, &status, WNOHANG)) > 0;) {
    const auto found = watched_.find(pid);
    if (found != watched_.end()) found->second->status = status;  // its own event comes
  }
}

bool kill_children() {
  bool any = false;
  const std::string us = std::to_string(::getpid());
  std::error_code error;
  for (std::filesystem::directory_iterator it("/proc", error), end; !error && it != end;
       it.increment(error)) {
    const std::string name = it->path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    // "PID (name) state parent ...": the name may hold anything but ends at the last parenthesis.
    const std::string stat = read_kernel_file(it->path() / "stat");
    const std::size_t after = stat.rfind(") ");
    if (after == std::string::npos || stat.compare(after + 4, us.size() + 1, us + " ") != 0) {
      continue;
    }
    any = true;
    // Children that end are zombies until we reap them, so the number is still theirs.
    ::kill(static_cast<pid_t>(std::stol(name)), SIGKILL);
  }
  return any;
}

}  // namespace onecopy::host
