// What came over a control link.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "shared/protocol/control_link.h"
#include "tests/shared/base/run_until.h"

namespace onecopy {

struct LinkRecorder final : ControlLink::Events {
  void on_message(ControlLink& /*link*/, ControlMessage& message) override {
    messages.push_back(std::move(message));
    if (then) then();
  }
  void on_closed(ControlLink& /*link*/, const std::string& why) override { closed.push_back(why); }

  std::vector<std::string> types() const {
    std::vector<std::string> types;
    for (const ControlMessage& message : messages) types.push_back(message.type);
    return types;
  }

  std::vector<ControlMessage> messages;
  std::vector<std::string> closed;
  std::function<void()> then;  // after each message
};

}  // namespace onecopy
