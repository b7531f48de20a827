// The ends of processes as events: by descriptor for those that are known, and every other child
// that falls to us (as process 1 of a container, or as subreaper) is reaped.
#pragma once

#include <sys/types.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "shared/base/event_loop.h"
#include "shared/base/unique_fd.h"

namespace onecopy::host {

// Class Reaper: owns the descriptors of the processes it watches; borrows the loop. One thread.
// Nothing in it waits.
class Reaper {
 public:
  using OnEnd = std::function<void(const std::string& how)>;

  explicit Reaper(EventLoop& loop) : loop_(loop) {}
  ~Reaper();
  Reaper(const Reaper&) = delete;
  Reaper& operator=(const Reaper&) = delete;

  // `how` as how_it_ended, or "it ended" for a process that is not our child.
  Status watch(pid_t pid, UniqueFd pidfd, OnEnd on_end);
  // False: it is not watched, or has ended.
  bool signal(pid_t pid, int number) const;
  // At SIGCHLD.
  void reap_all();

 private:
  struct Watched;
  void ended(pid_t pid);

  EventLoop& loop_;
  std::map<pid_t, std::shared_ptr<Watched>> watched_;
};

// Kills whatever children we still have, the orphans that fell to us among them; returns whether
// there were any. Call it until there are none.
bool kill_children();

}  // namespace onecopy::host
