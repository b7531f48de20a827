// How many workers there are: has them forked, replaces those that end, lets go of those that are
// too many.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "gateway/dispatch/dispatcher.h"
#include "gateway/settings.h"
#include "shared/base/event_loop.h"
#include "shared/base/restart_policy.h"
#include "shared/base/unique_fd.h"
#include "shared/protocol/registry_snapshot.h"

namespace onecopy::gateway {

// Where workers come from: the nursery.
class WorkerSource {
 public:
  virtual ~WorkerSource() = default;
  virtual bool can_fork() const = 0;
  virtual void fork(std::uint64_t id, int socket) = 0;
};

// Class WorkerPool: owns what is known of each worker's process; borrows loop, dispatcher and
// source. Nothing is polled: a timer runs only while a request waits that more workers could take,
// or while there are more workers than the least.
//
//   asked for (fork) -> forked: with the dispatcher -> let go or died -> exited
class WorkerPool {
 public:
  struct Worker {
    pid_t pid = 0;
    UniqueFd process;  // of the nursery; nothing: it cannot be killed from here
    Clock::time_point since{};
    enum class State { kAsked, kServing, kLeaving } state = State::kAsked;
    UniqueFd socket;  // kAsked: ours, until it is forked
  };
  struct Counts {
    std::size_t alive = 0;  // take work
    std::size_t wanted = 0;
    bool operator==(const Counts&) const = default;
  };

  // `changed` hears of every change of the counts.
  WorkerPool(EventLoop& loop, const Settings& settings, Dispatcher& dispatcher,
             WorkerSource& source, std::function<void(Counts)> changed);
  ~WorkerPool();

  // What the operator wants; before the first call there are none.
  void set_counts(const WorkerCounts& counts);
  const WorkerCounts& range() const { return counts_; }
  Counts counts() const { return {dispatcher_.workers(), wanted_}; }
  const std::map<std::uint64_t, Worker>& workers() const { return workers_; }

  // From the nursery.
  void on_source_changed();  // there is a new one, or it is gone
  void on_forked(std::uint64_t id, pid_t pid, UniqueFd process);
  void on_fork_failed(std::uint64_t id, const std::string& why);
  void on_exited(std::uint64_t id, const std::string& how);
  // From the dispatcher.
  void on_worker_gone(std::uint64_t id);
  void on_load_changed();

  // No worker is forked any more.
  void stop() { stopped_ = true; }
  // The processes that are left are killed.
  void kill_all();

 private:
  void fill();
  void fork_one();
  void put_off_forks(Clock::duration lifetime);
  void add_for_load();
  void retire_idle();
  void want(std::size_t workers);
  void tell();
  void watch_leaving();
  void check_leaving();
  std::size_t asked() const;

  EventLoop& loop_;
  const Settings& settings_;
  Dispatcher& dispatcher_;
  WorkerSource& source_;
  std::function<void(Counts)> changed_;
  WorkerCounts counts_;
  std::size_t wanted_ = 0;
  Counts told_;
  std::map<std::uint64_t, Worker> workers_;
  std::uint64_t next_id_ = 1;
  RestartPolicy policy_;
  Timer fork_timer_;  // armed: forks wait after an early death
  bool forks_wait_ = false;
  Timer add_timer_;
  Timer retire_timer_;
  bool may_retire_ = false;  // retire_timer_ is armed
  Timer leaving_timer_;
  bool leaving_is_due_ = false;  // leaving_timer_ is armed
  bool stopped_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // expires with the pool
};

}  // namespace onecopy::gateway
