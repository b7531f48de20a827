// Gives the queued items to idle workers in batches, and deals with workers that end, answer late
// or answer nonsense.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "gateway/dispatch/fair_queue.h"
#include "gateway/dispatch/thread_grants.h"
#include "gateway/dispatch/work.h"
#include "gateway/dispatch/worker_link.h"
#include "gateway/settings.h"
#include "shared/base/event_loop.h"
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
  // `settings` are borrowed; their cores are shared out among the workers that compute.
  // `worker_gone` hears the id of each worker that ended.
  Dispatcher(EventLoop& loop, const Settings& settings,
             std::function<void(std::uint64_t)> worker_gone);
  ~Dispatcher() override;

  void add_worker(std::uint64_t id, UniqueFd socket);
  // The worker's process, once it is known. Nothing happens unless there is such a worker.
  void set_process(std::uint64_t id, UniqueFd pidfd);
  std::size_t workers() const { return workers_.size(); }
  WorkersHealth health() const;

  // Queues all of a call's items or, with kBusy, none. Their owner may have its answer before this
  // returns.
  Status submit(std::span<WorkItem> items);
  // Takes the items from queue and batches: they are not started, or their worker is told to drop
  // them and their replies are dropped. The others of their batches go on.
  void give_up(std::span<WorkItem> items);
  // Answers every item that is queued or on a worker with this error.
  void fail_all(const Error& error);

  // In how many seconds a client that was refused may expect to be served, 1 to 30.
  int retry_after_s() const;
  std::size_t queued() const { return queue_.size(); }

 private:
  void on_reply(WorkerLink& worker, std::unique_ptr<Batch> batch,
                std::vector<WorkReply> replies) override;
  void on_death(WorkerLink& worker, std::unique_ptr<Batch> batch) override;
  void schedule();
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
  std::function<void(std::uint64_t)> worker_gone_;
  FairQueue queue_;
  ThreadGrants grants_;
  std::vector<std::shared_ptr<WorkerLink>> workers_;
  std::vector<WorkerLink*> idle_;  // most recently used last
  double mean_service_s_ = 0.1;    // of one item: moving average over the last few dozen batches
  Timer pause_;                    // after a worker's death nothing is started for a moment
  bool paused_ = false;
  Timer watchdog_;  // runs while a worker is busy, and once more
  bool watching_ = false;
};

}  // namespace onecopy::gateway
