// `onecopy stop` and `onecopy reload`: whoever connects to the host's rendezvous.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "shared/protocol/control_link.h"
#include "shared/protocol/rendezvous.h"

namespace onecopy::host {

// Class Operators: owns the rendezvous socket, which is the instance's lock, and the links of its
// clients; a client's link lives until it goes or we end. Borrows the loop. One thread.
class Operators final : public EventHandler, private ControlLink::Events {
 public:
  // The answer to "stop" or "reload": status and lines of text.
  struct Answer {
    int status = 200;
    std::vector<std::string> lines;
  };
  using OnAsked = std::function<Answer(const std::string& what)>;

  Operators(EventLoop& loop, UniqueFd rendezvous, OnAsked on_asked)
      : loop_(loop), rendezvous_(std::move(rendezvous)), on_asked_(std::move(on_asked)) {}
  ~Operators() override;
  Status start();
  void on_events(std::uint32_t events) override;

 private:
  struct Client {
    std::shared_ptr<ControlLink> link;
    bool greeted = false;
  };
  void on_message(ControlLink& link, ControlMessage& message) override;
  void on_closed(ControlLink& link, const std::string& why) override;
  void greet(Client& client, const ControlMessage& message);
  void drop(ControlLink& link);

  EventLoop& loop_;
  UniqueFd rendezvous_;
  OnAsked on_asked_;
  std::vector<Client> clients_;
};

}  // namespace onecopy::host
