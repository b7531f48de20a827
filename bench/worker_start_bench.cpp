// How soon a worker is there, and how little memory it takes of its own.
//
//   worker_start_bench MODEL_DIR [RUNS]
//
// Drives the real nursery as the host does. "Ready" is measured the hard way: from the host's word
// to the first answer of a new worker, which includes attaching the model. Prints a markdown table.
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "host/publish/model_loader.h"
#include "host/supervise/child_process.h"
#include "host/supervise/instance_lock.h"
#include "shared/protocol/control.h"
#include "shared/protocol/mailbox.h"

namespace onecopy::bench {
namespace {

using Clock = std::chrono::steady_clock;

template <class T>
T must(Result<T> result) {
  if (result) return std::move(*result);
  fmt::print(stderr, "worker_start_bench: {}\n", result.error().text);
  std::exit(1);  // NOLINT(concurrency-mt-unsafe): it has one thread
}
void must(Status status) {
  if (!status) must(Result<int>(tl::unexpected<Error>(status.error())));
}

struct Nursery {
  pid_t pid;
  UniqueFd channel;
};

Nursery start_nursery() {
  auto channel = must(make_channel());
  const int end = channel.second.get();
  const pid_t pid =
      must(host::start_program("onecopy-nursery", {"--control", std::to_string(end)}, {&end, 1}));
  must(receive_control(channel.first.get()));  // hello
  return {pid, std::move(channel.first)};
}

// One worker, seen from the gateway's side.
class Worker {
 public:
  Worker(const Nursery& nursery, std::uint64_t id) : mailbox_(must(Mailbox::create())) {
    auto ends = must(make_channel());
    must(send_control(nursery.channel.get(), {{"type", "fork"}, {"id", id}}, ends.second.get()));
    socket_ = std::move(ends.first);
    must(send_message(socket_.get(), std::as_bytes(std::span("mailbox", 7)), mailbox_.fd()));
  }

  void ask(const WorkRequest& request) {
    const Wake wake{++epoch_};
    must(mailbox_.post(wake.epoch, {&request, 1}));
    must(send_message(socket_.get(), as_bytes_of(wake)));
    must(receive_message(socket_.get()));
    const auto replies = must(mailbox_.collect(wake.epoch));
    if (replies[0].error) must(Status(tl::unexpected<Error>(*replies[0].error)));
  }

 private:
  Mailbox mailbox_;
  UniqueFd socket_;
  std::uint64_t epoch_ = 0;
};

double milliseconds(Clock::duration d) {
  return std::chrono::duration<double, std::milli>(d).count();
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// The newest child of the nursery, by the list that the kernel keeps.
pid_t newest_child(pid_t nursery) {
  std::ifstream children(fmt::format("/proc/{0}/task/{0}/children", nursery));
  pid_t last = -1;
  for (pid_t pid = 0; children >> pid;) last = pid;
  return last;
}

double private_megabytes(pid_t pid) {
  std::ifstream rollup(fmt::format("/proc/{}/smaps_rollup", pid));
  double kilobytes = 0;
  for (std::string line; std::getline(rollup, line);) {
    if (line.starts_with("Private_Clean:") || line.starts_with("Private_Dirty:")) {
      kilobytes += std::stod(line.substr(line.find(':') + 1));
    }
  }
  return kilobytes * 1024 / 1e6;
}

WorkRequest question(const host::LoadedModel& model, const std::string& context) {
  WorkRequest request;
  request.segment = model.segment->name();
  request.task = model.info.task;
  request.text = "Who built the bridge?";
  request.pair = context;
  return request;
}

void run(const std::string& folder, int runs) {
  const std::string instance = fmt::format("bench-{}", ::getpid());
  const host::InstanceLock lock = must(host::InstanceLock::acquire(instance));
  host::TensorCatalogue catalogue;
  const auto model = must(host::load_model({.name = "bench", .folder = folder, .adapter = {}},
                                           instance, 1, catalogue, {}));
  const Nursery nursery = start_nursery();
  std::vector<double> first_answer;
  std::string long_context;
  for (int i = 0; i < 400; ++i) long_context += "the old bridge ";
  double idle = 0;
  double after = 0;
  for (int i = 0; i < runs; ++i) {
    const auto start = Clock::now();
    Worker worker(nursery, static_cast<std::uint64_t>(i));
    worker.ask(question(model, "It was built by Quatz."));
    first_answer.push_back(milliseconds(Clock::now() - start));
    if (i + 1 < runs) continue;
    Worker idle_worker(nursery, 1000);
    ::usleep(300'000);
    idle = private_megabytes(newest_child(nursery.pid));
    for (int k = 0; k < 3; ++k) idle_worker.ask(question(model, long_context));
    after = private_megabytes(newest_child(nursery.pid));
  }
  fmt::print("| worker, {} | measured | bar |\n|---|---|---|\n",
             std::filesystem::path(folder).filename().string());
  fmt::print("| asked for -> first answer, median of {} | {:.1f} ms | 20 ms |\n", runs,
             median(first_answer));
  fmt::print("| private memory, idle | {:.1f} MB | 8 MB |\n", idle);
  fmt::print("| private memory after windows of 384 tokens | {:.1f} MB | 40 MB |\n", after);
  must(send_control(nursery.channel.get(), {{"type", "stop"}}));
  ::waitpid(nursery.pid, nullptr, 0);
}

}  // namespace
}  // namespace onecopy::bench

int main(int argc, char** argv) {
  if (argc < 2) {
    fmt::print(stderr, "usage: worker_start_bench MODEL_DIR [RUNS]\n");
    return 2;
  }
  std::signal(SIGPIPE, SIG_IGN);
  onecopy::bench::run(argv[1], argc > 2 ? std::max(1, std::atoi(argv[2])) : 50);
  return 0;
}
