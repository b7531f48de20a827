// The gateway's end of one worker: its socket and its mailbox.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "gateway/call.h"
#include "gateway/event_loop.h"
#include "shared/mailbox.h"
#include "shared/unique_fd.h"

namespace onecopy::gateway {

// Class WorkerLink: owns socket and mailbox; owned by the dispatcher, which it tells of every reply
// and of the worker's death. One request at a time.
class WorkerLink final : public EventHandler {
 public:
  class Events {
   public:
    virtual ~Events() = default;
    // The worker is free again. `item` is null if nobody waits for that reply any more.
    virtual void on_reply(WorkerLink& worker, WorkItem* item, WorkReply reply) = 0;
    // Its socket closed, or it sent something malformed. `item` as above.
    virtual void on_death(WorkerLink& worker, WorkItem* item) = 0;
  };

  // Creates the mailbox and hands it to the worker.
  static Result<std::shared_ptr<WorkerLink>> create(EventLoop& loop, Events& events,
                                                    std::uint64_t id, UniqueFd socket);
  WorkerLink(EventLoop& loop, Events& events, std::uint64_t id, UniqueFd socket, Mailbox mailbox);
  ~WorkerLink() override;

  std::uint64_t id() const { return id_; }
  bool is_busy() const { return busy_; }
  const WorkItem* item() const { return item_; }
  // Address of the model of its last request, only to be compared: is the model warm here?
  const Model* last_model() const { return last_model_; }
  Clock::time_point started_at() const { return started_at_; }

  // Precondition: not busy. kTooLarge: the request does not fit, the worker is still free;
  // kUnavailable: the worker is gone.
  Status start(WorkItem& item);
  // Nobody waits for the current request any more; the worker is busy until it has answered.
  void abandon();
  // Whether the worker ended over its request, rather than being killed.
  bool crashed() const { return lied_ || mailbox_.worker_crashed(); }
  // How many threads it may use; only to be written.
  std::atomic<std::uint32_t>& threads() { return mailbox_.threads(); }
  // No event comes from the worker any more.
  void close();

  void on_events(std::uint32_t events) override;

 private:
  void finish();
  void die();

  EventLoop& loop_;
  Events& events_;
  const std::uint64_t id_;
  UniqueFd socket_;
  Mailbox mailbox_;
  std::uint64_t epoch_ = 0;
  bool busy_ = false;
  bool lied_ = false;  // sent what no healthy worker sends
  WorkItem* item_ = nullptr;
  const Model* last_model_ = nullptr;
  Clock::time_point started_at_{};
};

}  // namespace onecopy::gateway
