// How soon a worker is there, and how little memory it takes of its own.
//
//   worker_start_bench MODEL_DIR [RUNS]
//
// Drives the real nursery as host and gateway do. "Ready" is measured the hard way: from the
// gateway's word to the first answer of a new worker, which includes attaching the model. Prints a
// markdown table.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "host/publish/model_loader.h"
#include "shared/base/clock.h"
#include "tests/worker/process/nursery_process.h"

namespace onecopy::bench {
namespace {

template <class T>
T must(Result<T> result) {
  if (result) return std::move(*result);
  fmt::print(stderr, "worker_start_bench: {}\n", result.error().text);
  std::exit(1);  // NOLINT(concurrency-mt-unsafe): it has one thread
}
void must(Status status) {
  if (!status) must(Result<int>(tl::unexpected<Error>(status.error())));
}

double milliseconds(Clock::duration d) {
  return std::chrono::duration<double, std::milli>(d).count();
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
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

void ask(worker::TestWorker& worker, const WorkRequest& request) {
  if (const auto reply = worker.ask(request); reply.error) {
    must(Status(tl::unexpected<Error>(*reply.error)));
  }
}

struct Measured {
  std::vector<double> first_answer;  // ms
  double idle = 0;                   // MB
  double after = 0;
};

Measured measure(const worker::TestGateway& gateway, const host::LoadedModel& model, int runs) {
  Measured measured;
  for (int i = 0; i < runs; ++i) {
    const auto start = Clock::now();
    worker::TestWorker worker = gateway.fork(static_cast<std::uint64_t>(i));
    worker.attach({model.segment->name()});
    ask(worker, question(model, "It was built by Quatz."));
    measured.first_answer.push_back(milliseconds(Clock::now() - start));
  }
  std::string long_context;
  for (int i = 0; i < 400; ++i) long_context += "the old bridge ";
  worker::TestWorker worker = gateway.fork(static_cast<std::uint64_t>(runs));
  ::usleep(300'000);
  measured.idle = private_megabytes(worker.pid());
  worker.attach({model.segment->name()});
  for (int k = 0; k < 3; ++k) ask(worker, question(model, long_context));
  measured.after = private_megabytes(worker.pid());
  return measured;
}

void run(const std::string& folder, int runs) {
  const std::string instance = fmt::format("bench-{}", ::getpid());
  host::TensorCatalogue catalogue;
  const auto model = must(host::load_model({.name = "bench", .folder = folder, .adapter = {}},
                                           instance, 1, catalogue, {}));
  worker::NurseryProcess nursery(instance);
  const worker::TestHost host(instance);
  const worker::TestGateway gateway(host);
  const Measured measured = measure(gateway, model, runs);
  fmt::print("| worker, {} | measured | bar |\n|---|---|---|\n",
             std::filesystem::path(folder).filename().string());
  fmt::print("| asked for -> first answer, median of {} | {:.1f} ms | 20 ms |\n", runs,
             median(measured.first_answer));
  fmt::print("| private memory, idle | {:.1f} MB | 8 MB |\n", measured.idle);
  fmt::print("| private memory after windows of 384 tokens | {:.1f} MB | 40 MB |\n",
             measured.after);
  host.send({{"type", "stop"}});
  nursery.wait();
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
