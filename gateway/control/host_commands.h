// What only the host can do, asked for by clients of the management port.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "gateway/http/http_message.h"
#include "shared/base/event_loop.h"
#include "shared/base/json.h"
#include "shared/base/status.h"

namespace onecopy::gateway {

// Class HostCommands: numbers the commands and brings each one's result to who waits for it;
// borrows those, which are PendingReplies. One thread.
class HostCommands {
 public:
  // `send` takes a message to the host, false: there is none.
  HostCommands(EventLoop& loop, std::function<bool(const Json&)> send)
      : loop_(loop), send_(std::move(send)) {}

  // The client gets the host's answer, 504 after `timeout` or 503 when the host ends before. A
  // command whose client left is carried out all the same. kUnavailable: no host; kBusy.
  Result<std::unique_ptr<PendingReply>> run(const char* op, Json args, Milliseconds timeout,
                                            ReplySink& sink);

  void on_result(const Json& message);
  void on_host_gone();

 private:
  class Command;
  EventLoop& loop_;
  std::function<bool(const Json&)> send_;
  std::map<std::uint64_t, Command*> waiting_;
  std::uint64_t next_id_ = 1;
};

}  // namespace onecopy::gateway
