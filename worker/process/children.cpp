#include "worker/process/children.h"

#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <utility>

#include "shared/base/pidfd.h"
#include "shared/base/process.h"

namespace onecopy::worker {

Child::Child(EventLoop& loop, pid_t pid, UniqueFd pidfd, Reaped reaped)
    : pid_(pid),
      pidfd_(std::move(pidfd)),
      deadline_(loop, [this] { kill(); }),
      reaped_(std::move(reaped)) {}

void Child::kill() {
  killed_ = true;
  send_signal(pidfd_.get(), SIGKILL);
}

void Child::on_events(std::uint32_t /*events*/) {
  if (const auto status = reap(pidfd_.get())) reaped_(*this, *status);
}

Children::~Children() {
  for (const auto& child : children_) loop_.remove(child->pidfd());
}

Result<Child*> Children::start(const ChildPlan& plan, Ended ended) {
  const pid_t pid = ::fork();
  if (pid == 0) become(plan);
  if (pid < 0) return fail(ErrorCode::kSystem, "cannot fork: {}", errno_text());
  auto pidfd = open_pidfd(pid);
  const int fd = pidfd ? pidfd->get() : -1;
  auto reaped = [this, ended = std::move(ended)](Child& child, int status) {
    forget(child);
    ended(child, status);
  };
  std::shared_ptr<Child> child;
  Status watched = pidfd ? Status() : tl::unexpected<Error>(pidfd.error());
  if (watched) {
    child.reset(new Child(loop_, pid, std::move(*pidfd), std::move(reaped)));
    watched = loop_.add(fd, EPOLLIN, *child);
  }
  if (!watched) {  // it cannot stay unwatched; the wait is for a process that just began
    ::kill(pid, SIGKILL);
    while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
    }
    return tl::unexpected<Error>(watched.error());
  }
  children_.push_back(std::move(child));
  return children_.back().get();
}

void Children::become(const ChildPlan& plan) {
  close_descriptors_except(plan.keeps);
  // Whatever a model's bytes make it do, it gets no rights by starting a set-uid program. It stays
  // dumpable: otherwise root would own its files in /proc, and "onecopy inspect" of the same user
  // could not count the memory of its mappings.
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  set_process_name(plan.name, argv_);
  // Without the destructors of the nursery's libraries, which belong to the nursery.
  ::_exit(plan.run());
}

void Children::forget(Child& child) {
  loop_.remove(child.pidfd());
  const auto place = std::ranges::find(children_, &child, &std::shared_ptr<Child>::get);
  loop_.dispose(std::move(*place));  // not at once: this is within a call of its own
  children_.erase(place);
}

void Children::kill_all(Milliseconds most) {
  const auto deadline = Clock::now() + most;
  for (const auto& child : children_) child->kill();
  for (const auto& child : children_) {
    pollfd end{child->pidfd(), POLLIN, 0};
    while (!reap(child->pidfd())) {
      const auto left = std::chrono::ceil<Milliseconds>(deadline - Clock::now()).count();
      if (left <= 0) break;  // the kernel holds it; whoever inherits it reaps it
      ::poll(&end, 1, static_cast<int>(left));
    }
    loop_.remove(child->pidfd());
  }
}

}  // namespace onecopy::worker
