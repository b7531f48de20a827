// A forked child's life as events.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "host/supervise/reaper.h"
#include "shared/protocol/control_link.h"

namespace onecopy::host {

// Class Task: owns the channel to a child that fork_task() made; borrows loop, reaper and the
// events' receiver, which must stay until on_task_end. One thread.
class Task final : private ControlLink::Events {
 public:
  class Events {
   public:
    virtual ~Events() = default;
    virtual void on_task_message(ControlMessage& message) = 0;
    // All messages have been given, the child is gone. Once; the task may be disposed of then.
    virtual void on_task_end(const std::string& how) = 0;
  };

  Task(EventLoop& loop, Reaper& reaper, Events& events)
      : loop_(loop), reaper_(reaper), events_(events) {}
  // As fork_task.
  Status start(const std::string& name, std::vector<int> kept,
               const std::function<int(int channel)>& body);
  void send(const Json& message) { link_->send(message); }
  void kill();

 private:
  void on_message(ControlLink& link, ControlMessage& message) override;
  void on_closed(ControlLink& link, const std::string& why) override;
  void finish();

  EventLoop& loop_;
  Reaper& reaper_;
  Task::Events& events_;
  pid_t pid_ = -1;
  std::shared_ptr<ControlLink> link_;
  std::string how_;
  bool closed_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // expires with the task
};

}  // namespace onecopy::host
