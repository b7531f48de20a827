// Accepts connections from one listening socket, within bounds and whatever accept() says.
#pragma once

#include <functional>

#include "gateway/event_loop.h"
#include "shared/unique_fd.h"

namespace onecopy::gateway {

// Class Listener: owns the listening socket. After an error that would only repeat itself (no
// descriptors, no memory) it sleeps until resume() or a second has passed; it never spins and never
// gives up.
class Listener final : public EventHandler {
 public:
  // `accepted` takes a non-blocking, close-on-exec connection. `may_accept` says whether there is
  // room for one more; when it says no, the listener sleeps until resume().
  Listener(EventLoop& loop, UniqueFd socket, std::function<bool()> may_accept,
           std::function<void(UniqueFd)> accepted);
  ~Listener() override;

  Status start();
  void resume();  // a connection was closed
  void close();   // for good: the system refuses further clients at once

  void on_events(std::uint32_t events) override;

 private:
  void pause();

  EventLoop& loop_;
  UniqueFd socket_;
  std::function<bool()> may_accept_;
  std::function<void(UniqueFd)> accepted_;
  Timer retry_;
  bool paused_ = false;
};

}  // namespace onecopy::gateway
