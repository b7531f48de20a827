// Gives the queued items to idle workers in batches, and deals with workers that end, answer late
// or answer nonsense.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "gateway/dispatch/fair_queue.h"
#include "gateway/dispatch/thread_grants.h"
#include "gateway/dispatch/work.h"
#include "gateway/dispatch/worker_link.h"
#include "gateway/settings.h"
#include "shared/base/event_loop.h"
#include "shared/base/limits.h"
#include "shared/base/status.h"
#include "shared/base/unique_fd.h"

namespace onecopy::gateway {

// Whether a request that came now would be computed.
enum class WorkersHealth {
  kOk,
  kNoWorkers,  // none is alive
  kStuck,      // all are busy, and none has made progress for half of the time after which they are
               // ended
};

// Class Dispatcher: owns the workers' links and the queue; borrows the items. One thread.
class Dispatcher final : private WorkerLink::Events {
 public:
  class Events {
   public:
    virtual ~Events() = default;
    // It gets no more work: it ended, or was let go (set_most_workers).
    virtual void on_worker_gone(std::uint64_t id) = 0;
    // Work has begun or ceased to wait, or workers to be idle.
    virtual void on_load_changed() = 0;
  };
  // `settings` are borrowed; their cores are shared out among the workers that compute.
  Dispatcher(EventLoop& loop, const Settings& settings, Events& events);
  ~Dispatcher() override;

  void add_worker(std::uint64_t id, UniqueFd socket);
  // The worker's process, once it is known. Nothing happens unless there is such a worker.
  void set_process(std::uint64_t id, UniqueFd pidfd);
  std::size_t workers() const { return workers_.size(); }
  std::size_t idle() const { return idle_.size(); }
  const std::vector<std::shared_ptr<WorkerLink>>& all_workers() const { return workers_; }
  WorkersHealth health() const;
  // Workers beyond this number are let go, idle ones at once and busy ones after their batch.
  void set_most_workers(std::size_t most);
  // No request needs the segment any more.
  void detach(const std::string& segment);

  // Queues all of a request's items or, with kBusy, none. Their owners may have their answers before
  // this returns.
  Status submit(std::span<WorkItem* const> items);
  // Takes the item from queue and batch: it is not started, or its worker is told to drop it and
  // its reply is dropped. The others of its batch go on.
  void give_up(WorkItem& item);
  // Answers every item that is queued or on a worker with this error.
  void fail_all(const Error& error);

  // In how many seconds a client that was refused may expect to be served, 1 to 30.
  int retry_after_s() const;
  std::size_t queued() const { return queue_.size(); }
  // How long the longest waiting item has waited; nothing waits: none.
  std::optional<Clock::duration> longest_wait() const { return queue_.longest_wait(); }
  // The fewest workers that were idle at any time since the last call.
  std::size_t take_least_idle() { return std::exchange(least_idle_, idle_.size()); }

 private:
  void on_reply(WorkerLink& worker, std::unique_ptr<Batch> batch,
                std::vector<WorkReply> replies) override;
  void on_death(WorkerLink& worker, std::unique_ptr<Batch> batch) override;
  void schedule();
  void tell_load();
  void start_next();
  std::unique_ptr<Batch> batch_from(WorkItem& first, std::size_t share);
  void start(std::unique_ptr<Batch> batch);
  void put_back(Batch& batch);
  void retry(WorkItem& item, bool crashed);
  void became_idle(WorkerLink& worker);
  void look_for_hung();
  Milliseconds tick() const;
  void drop(WorkerLink& worker);
  WorkerLink& take_idle_for(const Model& model);

  EventLoop& loop_;
  const Settings& settings_;
  Events& events_;
  FairQueue queue_;
  ThreadGrants grants_;
  std::vector<std::shared_ptr<WorkerLink>> workers_;
  std::vector<WorkerLink*> idle_;  // most recently used last
  double mean_service_s_ = 0.1;    // of one item: moving average over the last few dozen batches
  Timer pause_;                    // after a worker's death nothing is started for a moment
  bool paused_ = false;
  Timer watchdog_;  // runs while a worker is busy, and once more
  bool watching_ = false;
  std::size_t most_workers_ = limits::kWorkers;
  std::size_t least_idle_ = 0;
  bool told_waiting_ = false;
  bool told_idle_ = false;
};

}  // namespace onecopy::gateway
