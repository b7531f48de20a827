// The gateway's end of the channel to the nursery, which forks the workers.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>

#include "gateway/dispatch/worker_pool.h"
#include "shared/base/event_loop.h"
#include "shared/base/unique_fd.h"
#include "shared/protocol/control_link.h"

namespace onecopy::gateway {

// Class NurseryLink: owns the channel, of which there may be none. One thread.
class NurseryLink final : public WorkerSource, private ControlLink::Events {
 public:
  class Events {
   public:
    virtual ~Events() = default;
    virtual void on_nursery_changed() = 0;  // there is another one, or none any more
    virtual void on_forked(std::uint64_t id, pid_t pid, UniqueFd process) = 0;
    virtual void on_fork_failed(std::uint64_t id, const std::string& why) = 0;
    virtual void on_exited(std::uint64_t id, const std::string& how) = 0;
  };

  NurseryLink(EventLoop& loop, Events& events) : loop_(loop), events_(events) {}
  ~NurseryLink() override = default;

  // In the place of an earlier one.
  void connect(UniqueFd channel);
  bool is_connected() const { return link_ != nullptr; }
  // It is to end itself and all workers.
  void stop();
  bool is_flushed() const { return link_ == nullptr || link_->is_flushed(); }

  bool can_fork() const override { return is_connected(); }
  void fork(std::uint64_t id, int socket) override;

 private:
  void on_message(ControlLink& link, ControlMessage& message) override;
  void on_closed(ControlLink& link, const std::string& why) override;
  Status handle(ControlMessage& message);

  EventLoop& loop_;
  Events& events_;
  std::shared_ptr<ControlLink> link_;
  bool greeted_ = false;
};

}  // namespace onecopy::gateway
