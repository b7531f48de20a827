// Processes that the nursery forks: each watched by its pidfd, none ever waited for.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "shared/base/event_loop.h"

namespace onecopy::worker {

// What a child is and does.
struct ChildPlan {
  std::string_view name;     // in ps
  std::vector<int> keeps;    // its descriptors; it closes all others but the standard ones
  std::function<int()> run;  // in the child; returns its exit code
};

// Class Child: a process from its fork until it was reaped. Owned by Children.
class Child final : public EventHandler {
 public:
  pid_t pid() const { return pid_; }
  int pidfd() const { return pidfd_.get(); }
  void kill();
  // Should it still be there then.
  void kill_after(Milliseconds delay) { deadline_.set_after(delay); }
  bool was_killed() const { return killed_; }  // by us

  void on_events(std::uint32_t events) override;

 private:
  friend class Children;
  using Reaped = std::function<void(Child& child, int status)>;
  Child(EventLoop& loop, pid_t pid, UniqueFd pidfd, Reaped reaped);

  pid_t pid_;
  UniqueFd pidfd_;
  bool killed_ = false;
  Timer deadline_;
  Reaped reaped_;
};

// Class Children: owns all of them; borrows the loop. One thread, the loop's: a fork copies only
// the thread that calls it. `argv` is main's.
//
// A child does not ask to die with its parent (PR_SET_PDEATHSIG): a worker serves its gateway, and
// goes on with the requests that it has while a nursery that died is replaced.
class Children {
 public:
  // Called once; `status` as of waitpid. The child goes afterwards.
  using Ended = std::function<void(Child& child, int status)>;

  Children(EventLoop& loop, char** argv) : loop_(loop), argv_(argv) {}
  ~Children();

  // Valid until its `ended` was called.
  Result<Child*> start(const ChildPlan& plan, Ended ended);
  std::size_t count() const { return children_.size(); }
  // For an exit: waits until they are gone, at most this long, and tells nobody.
  void kill_all(Milliseconds most);

 private:
  [[noreturn]] void become(const ChildPlan& plan);
  void forget(Child& child);

  EventLoop& loop_;
  char** argv_;
  std::vector<std::shared_ptr<Child>> children_;
};

}  // namespace onecopy::worker
