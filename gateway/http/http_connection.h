// One client: reads requests within limits and deadlines, one at a time, and writes their replies
// in order.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>

#include "gateway/http/http_message.h"
#include "gateway/http/request_guard.h"
#include "shared/base/event_loop.h"
#include "shared/base/unique_fd.h"

namespace onecopy::gateway {

class HttpServer;

// Class HttpConnection: owns the socket and what is read and not yet sent. Owned by its HttpServer.
// It is in one state at a time, and each state but kWorking has its deadline:
//
//   kIdle -> kHead -> kBody -> kWorking -> kWriting -> kIdle ... -> kLingering -> closed
class HttpConnection final : public EventHandler, private ReplySink {
 public:
  HttpConnection(HttpServer& server, UniqueFd socket, Port port);
  ~HttpConnection() override;

  Status start();
  void on_events(std::uint32_t events) override;

  bool is_idle() const { return state_ == State::kIdle; }
  void close();

 private:
  enum class State { kIdle, kHead, kBody, kWorking, kWriting, kLingering, kClosed };
  friend class HttpServer;

  void reset();
  Milliseconds time_for(std::size_t bytes) const;
  void enter(State state, Milliseconds deadline);
  void advance();
  bool step();
  bool fill(std::size_t up_to);
  bool read_head();
  bool read_body();
  void dispatch();
  void refuse(const Refusal& refusal);
  void refuse_with(HttpReply refusal);
  void reply(HttpReply reply) override;
  void send_rest();
  void client_ended();
  void after_reply();
  void linger();
  void discard_input();
  void hold(std::size_t bytes);
  void on_deadline();
  void run_soon(void (HttpConnection::*what)());

  HttpServer& server_;
  UniqueFd socket_;
  const Port port_;
  State state_ = State::kIdle;
  Timer timer_;

  bool readable_ = true;        // edge-triggered: true until a read came back short
  bool end_announced_ = false;  // behind what can be read, the client's end is waiting
  bool ended_ = false;          // the client sends no more; it may still wait for its reply
  bool advancing_ = false;
  std::string input_;
  std::size_t scanned_ = 0;
  Framing framing_;
  std::optional<HttpRequest> request_;
  bool is_head_request_ = false;

  std::unique_ptr<PendingReply> pending_;
  std::size_t held_bytes_ = 0;  // of the body or the reply, counted in the server's sum
  bool keep_alive_ = true;
  std::string reply_head_;
  std::string reply_body_;
  std::size_t sent_ = 0;      // of head and body
  bool began_early_ = false;  // the reply's first bytes went out before the rest was known
  bool waiting_to_send_ = false;

  Clock::time_point idle_since_{};
  std::list<HttpConnection*>::iterator idle_place_;  // in the server's list, while idle
  std::list<std::shared_ptr<HttpConnection>>::iterator place_;
};

}  // namespace onecopy::gateway
