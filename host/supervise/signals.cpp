#include "host/supervise/signals.h"

#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>

namespace onecopy::host {

Signals::~Signals() {
  if (fd_) loop_.remove(fd_.get());
}

Status Signals::start() {
  std::signal(SIGPIPE, SIG_IGN);
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGCHLD}) sigaddset(&set, number);
  ::sigprocmask(SIG_BLOCK, &set, nullptr);  // NOLINT(concurrency-mt-unsafe): no thread yet
  fd_.reset(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd_) return fail(ErrorCode::kSystem, "cannot watch signals: {}", errno_text());
  return loop_.add(fd_.get(), EPOLLIN, *this);
}

void Signals::on_events(std::uint32_t /*events*/) {
  signalfd_siginfo info{};
  while (fd_ && ::read(fd_.get(), &info, sizeof info) == sizeof info) {
    on_signal_(static_cast<int>(info.ssi_signo));
  }
}

void unblock_signals() {
  sigset_t none;
  sigemptyset(&none);
  // NOLINTNEXTLINE(concurrency-mt-unsafe): a forked child has one thread
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

}  // namespace onecopy::host
