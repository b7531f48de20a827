// One load: its child process as events.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "host/load/load_order.h"
#include "host/load/task.h"

namespace onecopy::host {

// Class LoadJob: owns the channel to its child and what the child borrows from; borrows loop,
// reaper and the events' receiver, which must stay until on_done. One thread. Whatever happens to
// the child, on_done comes once, when it is gone, and then nothing of a failed load has a name any
// more.
class LoadJob final : private Task::Events {
 public:
  class Events {
   public:
    virtual ~Events() = default;
    virtual void on_progress(std::uint64_t done, std::uint64_t total) = 0;
    // precision=auto: the answer goes to compared().
    virtual void on_compare(HeldSegment::Pointer reference, HeldSegment::Pointer candidate) = 0;
    virtual void on_done(Result<LoadOutcome> outcome) = 0;
  };
  using Body = std::function<int(const LoadOrder&, int channel)>;

  LoadJob(EventLoop& loop, Reaper& reaper, Events& events, LoadOrder order)
      : events_(events), order_(std::move(order)), task_(loop, reaper, *this) {}
  // `body`: run_loader; tests have others.
  Status start(const Body& body = run_loader);
  void compared(const Result<double>& error);
  // Kills the child; on_done follows, with `why`.
  void cancel(std::string why);

 private:
  void on_task_message(ControlMessage& message) override;
  void on_task_end(const std::string& how) override;
  Result<HeldSegment::Pointer> received_segment(ControlMessage& message) const;
  Result<LoadOutcome> read_loaded(ControlMessage& message) const;
  Error read_failed(const ControlMessage& message) const;
  void remove_remains() const;

  LoadJob::Events& events_;
  LoadOrder order_;
  Task task_;
  HeldSegment::Pointer reference_;
  std::optional<Result<LoadOutcome>> outcome_;
  std::string cancelled_;  // why
};

}  // namespace onecopy::host
