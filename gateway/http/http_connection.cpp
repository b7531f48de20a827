#include "gateway/http/http_connection.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "gateway/api/json_text.h"
#include "gateway/http/head_parser.h"
#include "gateway/http/http_format.h"
#include "gateway/http/http_server.h"

namespace onecopy::gateway {
namespace {

constexpr int kRequestsPerTurn = 16;  // of one connection, then others get their turn
constexpr std::size_t kChunk = 64u << 10;

}  // namespace

HttpConnection::HttpConnection(HttpServer& server, UniqueFd socket, Port port)
    : server_(server),
      socket_(std::move(socket)),
      port_(port),
      timer_(server.loop_, [this] { on_deadline(); }) {}

HttpConnection::~HttpConnection() = default;

// A slow line may carry a large body.
Milliseconds HttpConnection::time_for(std::size_t bytes) const {
  return server_.settings_.per_mib * static_cast<std::int64_t>(bytes) / (1 << 20);
}

Status HttpConnection::start() {
  const int yes = 1;
  ::setsockopt(socket_.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  RETURN_IF_ERROR(
      server_.loop_.add(socket_.get(), EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, *this));
  // A client that connects and says nothing has the time of a head.
  timer_.set_after(server_.settings_.head);
  advance();
  return {};
}

void HttpConnection::close() {
  if (state_ == State::kClosed) return;
  server_.loop_.remove(socket_.get());
  server_.closed(*this);
  state_ = State::kClosed;
  hold(0);
  timer_.clear();
  pending_.reset();
  socket_.reset();
}

// What this connection holds instead of what it held before.
void HttpConnection::hold(std::size_t bytes) {
  server_.held_bytes_ += bytes - held_bytes_;
  held_bytes_ = bytes;
}

// Ends the connection without waiting for the client to take what is left, which may be megabytes.
void HttpConnection::reset() {
  const struct linger at_once {
    1, 0
  };
  ::setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  close();
}

void HttpConnection::enter(State state, Milliseconds deadline) {
  if (state_ == State::kIdle && state != State::kIdle) server_.became_active(*this);
  const bool idle_now = state_ != State::kIdle && state == State::kIdle;
  state_ = state;
  timer_.set_after(deadline);
  if (idle_now) server_.became_idle(*this);
}

void HttpConnection::on_events(std::uint32_t events) {
  if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) readable_ = true;
  if ((events & EPOLLRDHUP) != 0) end_announced_ = true;
  // Reset, or shut on both sides: nobody reads a reply any more.
  if ((events & (EPOLLHUP | EPOLLERR)) != 0 && state_ != State::kLingering) return close();
  switch (state_) {
    case State::kWorking:
      if ((events & EPOLLRDHUP) != 0) client_ended();
      return;
    case State::kWriting:
      return send_rest();
    case State::kLingering:
      return discard_input();
    default:
      return advance();
  }
}

// The client has ended its side while its request is computed: either it waits for the reply
// (`nc -N`), or it has closed and left. Only its system can tell, when it is sent something; so the
// reply begins now, with what all replies begin with: one that left answers with a reset.
void HttpConnection::client_ended() {
  ended_ = true;
  if (std::exchange(began_early_, true)) return;
  const ssize_t sent =
      ::send(socket_.get(), kReplyBeginning.data(), kReplyBeginning.size(), MSG_NOSIGNAL);
  if (sent != static_cast<ssize_t>(kReplyBeginning.size())) close();
}

void HttpConnection::on_deadline() {
  switch (state_) {
    case State::kHead:
      return refuse({408, "the request's head did not arrive in time"});
    case State::kBody:
      return refuse({408, "the request's body did not arrive in time"});
    case State::kWriting:
      return reset();
    default:
      return close();
  }
}

// Handles requests as far as their bytes have arrived.
void HttpConnection::advance() {
  if (advancing_) return;
  advancing_ = true;
  int turns = 0;
  while (turns < kRequestsPerTurn && step()) ++turns;
  advancing_ = false;
  if (turns == kRequestsPerTurn) run_soon(&HttpConnection::advance);
}

void HttpConnection::run_soon(void (HttpConnection::*what)()) {
  if (state_ == State::kClosed) return;
  server_.loop_.run_soon([what, self = std::weak_ptr<HttpConnection>(*place_)] {
    if (const auto alive = self.lock()) (*alive.*what)();
  });
}

// One step of reading; false when it has to wait for something.
bool HttpConnection::step() {
  switch (state_) {
    case State::kIdle:
    case State::kHead:
      return read_head();
    case State::kBody:
      return read_body();
    default:
      return false;
  }
}

// Reads until input_ holds `up_to` bytes or there is no more; false when the connection broke
// meanwhile.
bool HttpConnection::fill(std::size_t up_to) {
  thread_local std::array<char, kChunk> chunk;
  while (readable_ && input_.size() < up_to) {
    const std::size_t wanted = std::min(chunk.size(), up_to - input_.size());
    const ssize_t got = ::recv(socket_.get(), chunk.data(), wanted, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      readable_ = false;
      return true;
    }
    if (got < 0) {
      close();
      return false;
    }
    if (got == 0) {
      ended_ = true;
      readable_ = false;
      return true;
    }
    input_.append(chunk.data(), static_cast<std::size_t>(got));
    // Short: the socket was empty, and new bytes will be a new event, unless the end lies behind.
    if (static_cast<std::size_t>(got) < wanted && !end_announced_) readable_ = false;
  }
  return true;
}

bool HttpConnection::read_head() {
  auto end = find_head_end(input_, scanned_);
  if (end && *end == 0) {
    if (!fill(limits::kHeadBytes)) return false;
    end = find_head_end(input_, scanned_);
  }
  if (!end) {
    refuse(end.error());
    return false;
  }
  if (*end == 0 && ended_) {
    close();
    return false;
  }
  if (*end == 0) {
    if (state_ == State::kIdle && !input_.empty()) {
      enter(State::kHead, server_.settings_.head);
    }
    return false;
  }
  const std::string_view head(input_.data(), *end);
  is_head_request_ = head.starts_with("HEAD ");
  const auto framing = check_head(head);
  if (!framing) {
    refuse(framing.error());
    return false;
  }
  framing_ = *framing;
  // Management calls say all in their address (`curl -X POST`); a text without a length is a mistake.
  if (framing_.lacks_length && port_ == Port::kInference) {
    refuse({411, "send a Content-Length"});
    return false;
  }
  if (!server_.may_hold(framing_.content_length)) {
    refuse({503, "too many large requests at once; retry later"});
    return false;
  }
  hold(framing_.content_length);
  auto request = parse_head(head);
  if (!request) {
    refuse(request.error());
    return false;
  }
  request_ = std::move(*request);
  request_->port = port_;
  input_.erase(0, *end);
  scanned_ = 0;
  if (framing_.expects_continue && input_.empty() && framing_.content_length > 0) {
    if (auto refusal = server_.handler_.refusal_without_body(*request_)) {
      refuse_with(std::move(*refusal));
      return false;
    }
    ::send(socket_.get(), kContinue.data(), kContinue.size(), MSG_NOSIGNAL);
  }
  enter(State::kBody, server_.settings_.body + time_for(framing_.content_length));
  return true;
}

bool HttpConnection::read_body() {
  const std::size_t length = framing_.content_length;
  if (input_.size() < length && !fill(length)) return false;
  if (input_.size() < length) {
    if (ended_) close();
    return false;
  }
  if (input_.size() == length) {
    request_->body = std::exchange(input_, {});
  } else {
    request_->body = input_.substr(0, length);
    input_.erase(0, length);
  }
  dispatch();
  return state_ == State::kIdle;
}

void HttpConnection::dispatch() {
  state_ = State::kWorking;
  timer_.clear();
  keep_alive_ = framing_.keep_alive;
  began_early_ = false;
  HttpRequest request = std::move(*request_);
  request_.reset();
  auto pending = server_.handler_.handle(std::move(request), *this);
  if (state_ == State::kWorking) pending_ = std::move(pending);
  if (state_ == State::kWorking && ended_) client_ended();
}

void HttpConnection::refuse(const Refusal& refusal) {
  refuse_with({refusal.status, error_body(refusal.text), refusal.status == 503 ? 1 : 0, {}});
}

// Where the next request would start is not known: the connection ends with the reply.
void HttpConnection::refuse_with(HttpReply refusal) {
  keep_alive_ = false;
  if (state_ == State::kIdle) server_.became_active(*this);
  state_ = State::kWorking;
  began_early_ = false;
  reply(std::move(refusal));
}

void HttpConnection::reply(HttpReply reply) {
  if (state_ != State::kWorking) return;
  if (pending_) server_.loop_.dispose(std::shared_ptr<PendingReply>(std::move(pending_)));
  if (server_.draining() || server_.is_crowded() || (ended_ && input_.empty())) {
    keep_alive_ = false;
  }
  hold(0);
  if (!server_.may_hold(reply.body.size())) {
    reply = {503, error_body("too many large replies at once; retry later"), 1, {}};
  }
  hold(reply.body.size());
  reply_head_ = format_reply_head(reply, keep_alive_);
  reply_body_ = is_head_request_ ? std::string() : std::move(reply.body);
  sent_ = began_early_ ? kReplyBeginning.size() : 0;
  state_ = State::kWriting;
  send_rest();
}

void HttpConnection::send_rest() {
  const std::size_t total = reply_head_.size() + reply_body_.size();
  while (sent_ < total) {
    const std::size_t of_head = std::min(sent_, reply_head_.size());
    const std::size_t of_body = sent_ - of_head;
    std::array<iovec, 2> parts{{{reply_head_.data() + of_head, reply_head_.size() - of_head},
                                {reply_body_.data() + of_body, reply_body_.size() - of_body}}};
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = parts.size();
    const ssize_t n = ::sendmsg(socket_.get(), &message, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      // The time began with the first byte: a client that reads a little now and then gains
      // nothing.
      if (!waiting_to_send_) timer_.set_after(server_.settings_.write + time_for(total));
      waiting_to_send_ = true;
      return;
    }
    if (n < 0) return close();
    sent_ += static_cast<std::size_t>(n);
  }
  waiting_to_send_ = false;
  after_reply();
}

void HttpConnection::after_reply() {
  reply_head_ = {};
  reply_body_ = {};
  hold(0);
  if (!keep_alive_) return linger();
  enter(State::kIdle, server_.settings_.idle);
  if (!advancing_ && (!input_.empty() || readable_)) run_soon(&HttpConnection::advance);
}

// Closing at once with unread bytes would make the system reset the connection, and the client
// might lose the reply: so send the end, and read on until the client ends it too.
void HttpConnection::linger() {
  ::shutdown(socket_.get(), SHUT_WR);
  input_ = {};
  enter(State::kLingering, server_.settings_.linger);
  discard_input();
}

void HttpConnection::discard_input() {
  if (state_ != State::kLingering) return;
  std::array<char, 16384> sink;
  for (int i = 0; i < 16; ++i) {
    const ssize_t got = ::recv(socket_.get(), sink.data(), sink.size(), 0);
    if (got > 0 || (got < 0 && errno == EINTR)) continue;
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
    return close();
  }
  run_soon(&HttpConnection::discard_input);
}

}  // namespace onecopy::gateway
