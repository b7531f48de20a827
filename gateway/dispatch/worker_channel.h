// What is said over one worker's socket, and which segments the worker has.
#pragma once

#include <cstdint>
#include <deque>
#include <set>
#include <string>
#include <vector>

#include "gateway/dispatch/model_catalogue.h"
#include "shared/base/event_loop.h"
#include "shared/base/status.h"
#include "shared/base/unique_fd.h"
#include "shared/protocol/worker_messages.h"

namespace onecopy::gateway {

// Class WorkerChannel: owns the socket; never blocks: what the worker does not take yet is kept.
// One thread.
class WorkerChannel {
 public:
  // The handler hears when the socket can be read or written.
  static Result<WorkerChannel> create(EventLoop& loop, UniqueFd socket, int mailbox);
  WorkerChannel(EventLoop& loop, UniqueFd socket) : loop_(&loop), socket_(std::move(socket)) {}
  WorkerChannel(WorkerChannel&&) = default;

  Status watch(EventHandler& handler);
  void close();
  int fd() const { return socket_.get(); }

  // Hands the version's segments over unless the worker has it already, then the wake. kUnavailable
  // when the worker is gone.
  Status wake(const Model& model, std::uint64_t epoch);
  // The worker is to let go of the segment: now, or after its batch where it has one.
  void detach(const std::string& segment, bool busy);
  // Its batch is done.
  void detach_waiting();
  // Sends what was kept.
  void flush();
  // kBusy: nothing there.
  Result<WorkerMessage> receive() { return receive_worker_message(socket_.get()); }
  bool has_attached(const std::string& segment) const { return attached_.contains(segment); }

 private:
  struct Unsent {
    WorkerSays kind;
    std::string segment;
    OpenSegmentPtr file;  // kFile
    std::uint64_t epoch;  // kWake
  };
  Status send(Unsent message);
  Status send_now(const Unsent& message) const;

  EventLoop* loop_;
  UniqueFd socket_;
  std::deque<Unsent> unsent_;
  std::set<std::string> attached_;
  std::vector<std::string> to_detach_;
};

}  // namespace onecopy::gateway
