// onecopy-nursery: started by the host, forks the workers.
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <string>

#include "shared/base/limits.h"
#include "shared/base/log.h"
#include "shared/base/process.h"
#include "shared/protocol/rendezvous.h"
#include "worker/process/arithmetic.h"
#include "worker/process/nursery.h"

namespace onecopy::worker {
namespace {

struct Options {
  int rendezvous = -1;
  std::string back_ends;
  std::string orphans = "keep";
  NurseryOptions nursery;
};

void add_options(CLI::App& app, Options& options) {
  app.add_option("--rendezvous", options.rendezvous, "descriptor of the socket where hosts connect")
      ->required();
  app.add_option("--threads", options.nursery.threads, "most threads of a worker")
      ->check(CLI::Range(1U, limits::kCores));
  app.add_option("--back-ends", options.back_ends,
                 "what to compute with, as an earlier nursery logged it; without it: chosen here");
  app.add_option("--orphans", options.orphans,
                 "keep: go on without a host; end: end when the gateway has drained")
      ->check(CLI::IsMember({"keep", "end"}));
}

// The host decides when to end; a signal to the whole group, as a terminal's or a service
// manager's, must not take the workers from requests that it still wants answered. Workers inherit
// this.
void ignore_signals() {
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGPIPE}) std::signal(number, SIG_IGN);
  std::signal(SIGCHLD, SIG_DFL);  // were it ignored, no child's end could be told
}

// Descriptors of all segments are kept here.
void allow_many_descriptors() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

int fail_with(const Error& error) {
  log_line(error.text, LogLevel::kError);
  return 1;
}

int run(Options options, char** argv) {
  const auto instance = instance_of(options.rendezvous);
  if (!instance) return fail_with(instance.error());
  set_log_instance(*instance);
  const Status settled = settle_back_ends(options.back_ends);
  if (!settled) return fail_with(settled.error());
  options.nursery.instance = *instance;
  options.nursery.rendezvous = UniqueFd(options.rendezvous);
  options.nursery.arithmetic = arithmetic_json();
  options.nursery.end_alone = options.orphans == "end";
  return run_nursery(std::move(options.nursery), argv);
}

}  // namespace
}  // namespace onecopy::worker

// NOLINTNEXTLINE(bugprone-exception-escape): what escapes is a crash, and is reported as one
int main(int argc, char** argv) {
  CLI::App app("onecopy-nursery: forks onecopy's workers. Started by onecopy serve, not by hand.");
  onecopy::worker::Options options;
  onecopy::worker::add_options(app, options);
  CLI11_PARSE(app, argc, argv);

  onecopy::set_process_name("onecopy-nursery", argv);
  onecopy::worker::ignore_signals();
  onecopy::worker::allow_many_descriptors();
  return onecopy::worker::run(std::move(options), argv);
}
