// onecopy-nursery: started by the host, forks the workers.
#include <CLI/CLI.hpp>
#include <csignal>
#include <string>
#include <vector>

#include "shared/base/limits.h"
#include "shared/base/log.h"
#include "shared/base/process.h"
#include "worker/process/arithmetic.h"
#include "worker/process/nursery.h"
#include "worker/process/one_shot.h"

namespace onecopy::worker {
namespace {

struct Options {
  int control = -1;
  std::string back_ends;
  bool describe = false;
  std::vector<std::string> trial;  // reference and candidate
  NurseryOptions nursery;
};

void add_options(CLI::App& app, Options& options) {
  app.add_option("--control", options.control, "descriptor of the host's channel")->required();
  app.add_option("--threads", options.nursery.threads, "most threads of a worker")
      ->check(CLI::Range(1U, limits::kCores));
  app.add_option("--back-ends", options.back_ends,
                 "what to compute with, as an earlier nursery logged it; without it: chosen here");
  app.add_flag("--describe", options.describe, "only say what is computed with");
  app.add_option("--trial", options.trial, "only compare two segments: REFERENCE CANDIDATE")
      ->expected(2);
}

int report(const Status& status) {
  if (status) return 0;
  log_line(status.error().text);
  return 1;
}

int run(Options options, char** argv) {
  if (const Status settled = settle_back_ends(options.back_ends); !settled) return report(settled);
  if (options.describe) return report(answer_arithmetic(options.control));
  if (!options.trial.empty())
    return report(answer_trial(options.control, options.trial[0], options.trial[1]));
  options.nursery.control = UniqueFd(options.control);
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
  std::signal(SIGINT, SIG_IGN);  // of a terminal: the host decides when to end
  std::signal(SIGPIPE, SIG_IGN);
  return onecopy::worker::run(std::move(options), argv);
}
