// The gateway's end of one worker: its socket and its mailbox.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "gateway/dispatch/batch.h"
#include "gateway/dispatch/worker_channel.h"
#include "gateway/settings.h"
#include "shared/base/event_loop.h"
#include "shared/base/unique_fd.h"
#include "shared/protocol/mailbox.h"

namespace onecopy::gateway {

// Class WorkerLink: owns socket and mailbox; owned by the dispatcher, which it tells of all replies
// and of the worker's death. One batch at a time.
class WorkerLink final : public EventHandler {
 public:
  class Events {
   public:
    virtual ~Events() = default;
    // The worker is free again: a reply for each place of the batch, also the empty ones.
    virtual void on_reply(WorkerLink& worker, std::unique_ptr<Batch> batch,
                          std::vector<WorkReply> replies) = 0;
    // Its socket closed, it sent something malformed, or it hung. `batch` is null if it was idle.
    virtual void on_death(WorkerLink& worker, std::unique_ptr<Batch> batch) = 0;
  };

  // Creates the mailbox and hands it to the worker.
  static Result<std::shared_ptr<WorkerLink>> create(EventLoop& loop, Events& events,
                                                    std::uint64_t id, UniqueFd socket);
  WorkerLink(Events& events, std::uint64_t id, WorkerChannel channel, Mailbox mailbox);
  ~WorkerLink() override;

  // The process behind the socket, which is then ended when it hangs or lies; without, only its
  // socket is closed.
  void set_process(UniqueFd pidfd) { process_ = std::move(pidfd); }

  std::uint64_t id() const { return id_; }
  const Batch* batch() const { return batch_.get(); }  // null: idle
  // Address of the model of its last batch, only to be compared: is the model warm here?
  const Model* last_model() const { return last_model_; }
  // What it computes now; null: nothing, or nobody waits for it any more.
  const Model* current_model() const;
  Clock::time_point started_at() const { return started_at_; }

  // Precondition: idle. Takes the batch, unless it fails: kTooLarge: it does not fit, the worker is
  // still free; kUnavailable: the worker is gone.
  Status start(std::unique_ptr<Batch>& batch);
  // Whether the worker ended over its batch, rather than being killed.
  bool crashed() const { return lied_ || hung_ || mailbox_.worker_crashed(); }
  // How many threads it may use; only to be written.
  std::atomic<std::uint32_t>& threads() { return mailbox_.threads(); }
  // To be called every `tick` while the worker is busy: whether it hangs. It does when it has shown
  // no progress for settings.worker_silence, or has not replied settings.cancel_grace after the
  // last of its items was given up. Ticks are counted rather than time, so that nobody is taken for
  // hung after all processes stood still (a frozen container).
  bool hangs(Milliseconds tick, const Settings& settings);
  // For how long it has been busy without progress, as of the last tick.
  Milliseconds silent_for() const { return silent_for_; }
  // It hangs: ends it as if it had crashed. Precondition: busy.
  void end_hung();
  // It is to let go of the segment, after its batch if it has one.
  void detach(const std::string& segment) { channel_.detach(segment, batch_ != nullptr); }
  // No event comes from the worker any more.
  void close();

  void on_events(std::uint32_t events) override;

 private:
  void finish();
  void die();

  Events& events_;
  const std::uint64_t id_;
  WorkerChannel channel_;
  Mailbox mailbox_;
  std::uint64_t epoch_ = 0;
  UniqueFd process_;   // pidfd; may be absent
  bool lied_ = false;  // sent what no healthy worker sends
  bool hung_ = false;
  std::uint32_t progress_ = 0;  // as of the last tick
  Milliseconds silent_for_{0};
  Milliseconds unwanted_for_{0};  // busy, and nobody waits
  std::unique_ptr<Batch> batch_;
  const Model* last_model_ = nullptr;
  Clock::time_point started_at_{};
};

}  // namespace onecopy::gateway
