#include "host/load/task.h"

#include <csignal>
#include <utility>

#include "host/load/forked_task.h"

namespace onecopy::host {

Status Task::start(const std::string& name, std::vector<int> kept,
                   const std::function<int(int channel)>& body) {
  ASSIGN_OR_RETURN(ForkedTask task, fork_task(name, std::move(kept), body));
  ControlLink::Events& events = *this;
  link_ = std::make_shared<ControlLink>(loop_, events, std::move(task.channel));
  RETURN_IF_ERROR(link_->start());
  pid_ = task.process.pid;
  return reaper_.watch(pid_, std::move(task.process.pidfd),
                       [this, alive = std::weak_ptr(alive_)](const std::string& how) {
                         if (alive.expired()) return;
                         how_ = how;
                         pid_ = -1;
                         finish();
                       });
}

void Task::kill() {
  if (pid_ > 0) reaper_.signal(pid_, SIGKILL);
}

void Task::on_message(ControlLink& /*link*/, ControlMessage& message) {
  events_.on_task_message(message);
}

// Its end only: a child that closes its channel or talks nonsense is not one of ours any more.
void Task::on_closed(ControlLink& /*link*/, const std::string& /*why*/) {
  closed_ = true;
  kill();
  finish();
}

void Task::finish() {
  if (!closed_ || pid_ > 0) return;
  loop_.dispose(std::move(link_));
  events_.on_task_end(how_);
}

}  // namespace onecopy::host
