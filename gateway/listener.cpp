#include "gateway/listener.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

namespace onecopy::gateway {
namespace {

constexpr int kAcceptsPerTurn = 64;  // then others get their turn
constexpr Milliseconds kRetryAfter{1000};

}  // namespace

Listener::Listener(EventLoop& loop, UniqueFd socket, std::function<bool()> may_accept,
                   std::function<void(UniqueFd)> accepted)
    : loop_(loop),
      socket_(std::move(socket)),
      may_accept_(std::move(may_accept)),
      accepted_(std::move(accepted)),
      retry_(loop, [this] { resume(); }) {}

Listener::~Listener() {
  if (socket_) loop_.remove(socket_.get());
}

Status Listener::start() {
  ::fcntl(socket_.get(), F_SETFL, ::fcntl(socket_.get(), F_GETFL) | O_NONBLOCK);
  ::fcntl(socket_.get(), F_SETFD, FD_CLOEXEC);
  return loop_.add(socket_.get(), EPOLLIN, *this);
}

void Listener::resume() {
  if (!paused_ || !socket_) return;
  paused_ = false;
  retry_.clear();
  loop_.modify(socket_.get(), EPOLLIN);
}

void Listener::pause() {
  paused_ = true;
  loop_.modify(socket_.get(), 0);
}

void Listener::close() {
  if (!socket_) return;
  loop_.remove(socket_.get());
  // The parent holds the same socket: shut down, it takes no more clients, whoever else has it
  // open.
  ::shutdown(socket_.get(), SHUT_RDWR);
  socket_.reset();
}

void Listener::on_events(std::uint32_t /*events*/) {
  for (int i = 0; i < kAcceptsPerTurn && socket_; ++i) {
    if (!may_accept_()) return pause();
    UniqueFd client(::accept4(socket_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (client) {
      accepted_(std::move(client));
      continue;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) return;
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      retry_.set_after(kRetryAfter);
      return pause();
    }
    // Anything else concerns the one client that was to be accepted (ECONNABORTED, network errors).
  }
}

}  // namespace onecopy::gateway
