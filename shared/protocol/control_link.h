// One end of a control channel on an event loop: never blocks, keeps what the other end does not
// take yet.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>

#include "shared/base/event_loop.h"
#include "shared/protocol/control.h"

namespace onecopy {

// Class ControlLink: owns the channel; borrows the loop and its events' receiver. One thread, the
// loop's. The other end's close, a malformed message, or more than limits::kUnsentMessages waiting
// close the link, once, with the reason; messages that arrived before a close are delivered first.
class ControlLink final : public EventHandler {
 public:
  class Events {
   public:
    virtual ~Events() = default;
    virtual void on_message(ControlLink& link, ControlMessage& message) = 0;
    // The link is closed already; it may be destroyed with EventLoop::dispose, not at once.
    virtual void on_closed(ControlLink& link, const std::string& why) = 0;
  };

  ControlLink(EventLoop& loop, Events& events, UniqueFd channel);
  ~ControlLink() override;
  Status start();

  // The descriptor is borrowed for the call. After a close nothing happens. A message of over
  // limits::kMessageBytes is not sent, and the log says so.
  void send(const Json& message, int fd = -1);
  bool is_open() const { return static_cast<bool>(channel_); }
  // Everything that was sent is with the kernel.
  bool is_flushed() const { return unsent_.empty(); }
  // No events come any more.
  void close();

  void on_events(std::uint32_t events) override;

 private:
  struct Unsent {
    std::string text;
    UniqueFd fd;
  };
  bool receive_one();
  void flush();
  void keep(std::string text, int fd);
  void lose(const std::string& why);
  void lose_soon(std::string why);

  EventLoop& loop_;
  Events& events_;
  UniqueFd channel_;
  std::deque<Unsent> unsent_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // expires with the link
};

}  // namespace onecopy
