#include "worker/process/serve_loop.h"

#include <malloc.h>

#include <array>
#include <atomic>
#include <csignal>
#include <span>
#include <utility>
#include <vector>

#include "shared/base/limits.h"
#include "shared/base/log.h"
#include "shared/protocol/mailbox.h"
#include "shared/protocol/worker_messages.h"
#include "worker/answer/answer.h"
#include "worker/answer/served_model.h"
#include "worker/encoder/workspace.h"

namespace onecopy::worker {
namespace {

// The first message carries the mailbox.
Result<Mailbox> receive_mailbox(int socket) {
  ASSIGN_OR_RETURN(WorkerMessage message, receive_worker_message(socket));
  if (message.kind != WorkerSays::kGreeting) {
    return fail(ErrorCode::kCorrupt, "the first message is not the mailbox");
  }
  return Mailbox::attach(std::move(message.fd));
}

// Where a fatal signal is marked; of the one worker that this process is.
std::atomic<std::uint32_t>* crash_mark = nullptr;

extern "C" void mark_and_die(int signal) {
  if (crash_mark != nullptr) crash_mark->store(1);
  ::raise(signal);  // SA_RESETHAND: this time with the default action
}

// The gateway tells a request that ends workers from workers that somebody kills.
void mark_crashes_in(Mailbox& mailbox) {
  crash_mark = &mailbox.crash_mark();
  // Of its own: the fault may be an overflow of the usual one. With AMX's tiles the system saves 11
  // KB of registers there.
  static std::array<char, 65536> stack;
  const stack_t signal_stack{.ss_sp = stack.data(), .ss_flags = 0, .ss_size = stack.size()};
  ::sigaltstack(&signal_stack, nullptr);
  struct sigaction action {};
  action.sa_handler = mark_and_die;
  action.sa_flags = static_cast<int>(SA_RESETHAND | SA_NODEFER | SA_ONSTACK);
  for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}) {
    ::sigaction(signal, &action, nullptr);
  }
}

// A batch of such texts leaves free memory between what is kept, which only this gives back. It
// takes about a millisecond, the batch a hundred times as long.
constexpr std::size_t kTrimTextBytes = 64U << 10;

class Worker {
 public:
  Worker(UniqueFd socket, Mailbox mailbox, unsigned threads)
      : socket_(std::move(socket)),
        mailbox_(std::move(mailbox)),
        workspace_(threads, &mailbox_.threads(), &mailbox_.progress()) {}

  // What the gateway says next; the error is why the worker cannot go on.
  Status serve_next() {
    ASSIGN_OR_RETURN(WorkerMessage message, receive_worker_message(socket_.get()));
    switch (message.kind) {
      case WorkerSays::kFile:
        return keep_file(std::move(message));
      case WorkerSays::kAttach:
        models_.attach(message.segment, std::exchange(files_, {}));
        return {};
      case WorkerSays::kDetach:
        models_.remove(message.segment);
        return {};
      case WorkerSays::kWake:
        return serve_batch(message.epoch);
      case WorkerSays::kGreeting:
        break;
    }
    return fail(ErrorCode::kCorrupt, "a second mailbox");
  }

 private:
  Status keep_file(WorkerMessage message) {
    // A segment and all that it may borrow from.
    if (files_.size() > limits::kSegmentDependencies) {
      return fail(ErrorCode::kCorrupt, "over {} descriptors for one segment", files_.size());
    }
    files_[message.segment] = std::move(message.fd);
    return {};
  }

  Status serve_batch(std::uint64_t epoch) {
    ASSIGN_OR_RETURN(const auto requests, mailbox_.take(epoch));
    mailbox_.reply(epoch, replies_to(requests));
    RETURN_IF_ERROR(send_wake(socket_.get(), epoch));
    // After the reply, which should not wait for it.
    if (texts_bytes(requests) >= kTrimTextBytes) ::malloc_trim(0);
    return {};
  }

  static std::size_t texts_bytes(std::span<const WorkRequest> requests) {
    std::size_t bytes = 0;
    for (const WorkRequest& request : requests) {
      bytes += request.text.size() + request.pair.value_or("").size();
    }
    return bytes;
  }

  std::vector<WorkReply> replies_to(std::span<const WorkRequest> requests) {
    const auto served = models_.get(requests.front().segment);
    if (served) {
      return answer(**served, requests, workspace_,
                    Interrupts(mailbox_.cancelled(), socket_.get()));
    }
    return std::vector<WorkReply>(requests.size(), refusal(served.error()));
  }

  UniqueFd socket_;
  Mailbox mailbox_;
  Workspace workspace_;
  ServedModels models_;
  SegmentFiles files_;  // for the next segment to be attached
};

}  // namespace

int serve(UniqueFd socket, unsigned threads) {
  // Memory of one large request goes back to the system: a worker must stay small.
  ::mallopt(M_TRIM_THRESHOLD, 1 << 20);  // NOLINT(concurrency-mt-unsafe): no thread yet
  ::mallopt(M_MMAP_THRESHOLD, 1 << 20);  // NOLINT(concurrency-mt-unsafe): no thread yet
  auto mailbox = receive_mailbox(socket.get());
  if (!mailbox) {
    if (mailbox.error().code == ErrorCode::kUnavailable) return 0;
    log_line(mailbox.error().text, LogLevel::kWarning);
    return 1;
  }
  mark_crashes_in(*mailbox);
  Worker worker(std::move(socket), std::move(*mailbox), threads);
  Status status;
  while ((status = worker.serve_next())) {
  }
  if (status.error().code == ErrorCode::kUnavailable)
    return 0;  // the gateway is done with this worker
  log_line(status.error().text, LogLevel::kWarning);
  return 1;
}

}  // namespace onecopy::worker
