// Accepts connections from one listening socket, within bounds and whatever accept() says.
#pragma once

#include "gateway/http/http_message.h"
#include "shared/base/event_loop.h"
#include "shared/base/unique_fd.h"

namespace onecopy::gateway {

// Class Listener: owns the listening socket. After an error that would only repeat itself (no
// descriptors, no memory) it sleeps until resume() or a second has passed; it never spins and never
// gives up.
class Listener final : public EventHandler {
 public:
  class Room {
   public:
    virtual ~Room() = default;
    virtual bool has_room() const = 0;
    virtual bool make_room() = 0;  // gives up what nobody misses; false when there is no such thing
    virtual void add(UniqueFd client, Port port) = 0;  // non-blocking, close-on-exec
  };
  // Without room the listener sleeps until resume().
  Listener(EventLoop& loop, UniqueFd socket, Port port, Room& room);
  ~Listener() override;

  Status start();
  void resume();  // a connection was closed
  // For good: the system refuses further clients at once. Those that it has connected already are
  // still taken.
  void close();

  void on_events(std::uint32_t events) override;

 private:
  bool accept_one();
  void pause();

  EventLoop& loop_;
  UniqueFd socket_;
  const Port port_;
  Room& room_;
  Timer retry_;
  bool paused_ = false;
};

}  // namespace onecopy::gateway
