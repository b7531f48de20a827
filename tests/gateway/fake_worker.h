// A worker that does what a test tells it, on a thread of the test.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "shared/base/unique_fd.h"
#include "shared/protocol/mailbox.h"
#include "shared/protocol/worker_messages.h"

namespace onecopy::gateway {

// What a fake worker does with a request: its reply, or nothing to die (its socket closes).
using Behaviour = std::function<std::optional<WorkReply>(const WorkRequest&)>;

// The same with a batch at a time.
using BatchBehaviour =
    std::function<std::optional<std::vector<WorkReply>>(std::span<const WorkRequest>)>;
// Each request of a batch by itself; dies with the first of which the worker dies.
BatchBehaviour one_by_one(Behaviour behaviour);

// Answers question answering with the first byte of the context, classification with 0.25, 0.75 and
// embedding with the text's length and 0.5.
std::optional<WorkReply> answer_plainly(const WorkRequest& request);
std::optional<WorkReply> die(const WorkRequest& request);

// Thrown by a behaviour: the worker dies, and of its own fault.
struct Crash {};

class FakeWorker {
 public:
  FakeWorker(UniqueFd socket, BatchBehaviour behaviour);
  ~FakeWorker();

  int taken() const { return taken_; }     // requests
  bool ended() const { return ended_; }    // its socket closed, or it died
  std::set<std::string> attached() const;  // segments
  // How many threads it may use now, and how many when it took its last request. It must have taken
  // one.
  std::uint32_t threads() { return mailbox_->threads(); }
  // As a real worker does while it computes, and what it looks at then; from its behaviour.
  void show_progress() { ++mailbox_->progress(); }
  std::uint64_t cancelled() { return mailbox_->cancelled(); }
  std::uint32_t threads_at_start() const { return threads_at_start_; }

 private:
  void run(const BatchBehaviour& behaviour);
  bool follow(WorkerMessage message);
  bool compute(const BatchBehaviour& behaviour, std::uint64_t epoch);

  UniqueFd socket_;
  std::optional<Mailbox> mailbox_;  // the thread's, until taken_ says that it is there
  std::atomic<std::uint32_t> threads_at_start_ = 0;
  std::atomic<int> taken_ = 0;
  std::atomic<bool> ended_ = false;
  mutable std::mutex mutex_;
  std::set<std::string> files_;
  std::set<std::string> attached_;
  std::thread thread_;
};

}  // namespace onecopy::gateway
