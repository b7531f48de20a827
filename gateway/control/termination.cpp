#include "gateway/control/termination.h"

#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>

namespace onecopy::gateway {
namespace {

sigset_t termination_signals() {
  sigset_t signals;
  ::sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGQUIT}) ::sigaddset(&signals, signal);
  return signals;
}

}  // namespace

void block_termination() {
  const sigset_t signals = termination_signals();
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

Termination::~Termination() {
  if (signals_) loop_.remove(signals_.get());
}

Status Termination::start() {
  const sigset_t signals = termination_signals();
  signals_.reset(::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals_) return fail(ErrorCode::kSystem, "cannot watch signals: {}", errno_text());
  return loop_.add(signals_.get(), EPOLLIN, *this);
}

void Termination::on_events(std::uint32_t /*events*/) {
  signalfd_siginfo info{};
  while (::read(signals_.get(), &info, sizeof info) == sizeof info) {
    asked_(static_cast<int>(info.ssi_signo));
  }
}

}  // namespace onecopy::gateway
