#include "gateway/http/listener.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

namespace onecopy::gateway {
namespace {

constexpr int kAcceptsPerTurn = 64;  // then others get their turn
constexpr Milliseconds kRetryAfter{1000};

}  // namespace

Listener::Listener(EventLoop& loop, UniqueFd socket, Port port, Room& room)
    : loop_(loop), socket_(std::move(socket)), port_(port), room_(room), retry_(loop, [this] {
        resume();
      }) {}

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
  while (room_.has_room() && accept_one()) {
  }
  loop_.remove(socket_.get());
  // The parent holds the same socket: shut down, it takes no more clients, whoever else has it
  // open.
  ::shutdown(socket_.get(), SHUT_RDWR);
  socket_.reset();
}

void Listener::on_events(std::uint32_t /*events*/) {
  for (int i = 0; i < kAcceptsPerTurn; ++i) {
    if (!room_.has_room()) {
      // Only the first client is known to be there: none should lose its place to nobody.
      if (i > 0) return;
      if (!room_.make_room()) {
        retry_.set_after(kRetryAfter);  // by then one may be idle for long enough
        return pause();
      }
    }
    if (!accept_one()) return;
  }
}

// False when there is nobody to accept, or nobody can be.
bool Listener::accept_one() {
  UniqueFd client(::accept4(socket_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (client) {
    room_.add(std::move(client), port_);
    return true;
  }
  if (errno == EAGAIN || errno == EWOULDBLOCK) return false;
  if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
    retry_.set_after(kRetryAfter);
    pause();
    return false;
  }
  // Anything else concerns the one client that was to be accepted (ECONNABORTED, network errors).
  return true;
}

}  // namespace onecopy::gateway
