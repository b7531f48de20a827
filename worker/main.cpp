// onecopy-nursery: started by the host, forks the workers.
#include <CLI/CLI.hpp>
#include <csignal>

#include "shared/base/limits.h"
#include "shared/base/process.h"
#include "worker/process/nursery.h"

// NOLINTNEXTLINE(bugprone-exception-escape): what escapes is a crash, and is reported as one
int main(int argc, char** argv) {
  CLI::App app("onecopy-nursery: forks onecopy's workers. Started by onecopy serve, not by hand.");
  int control = -1;
  onecopy::worker::NurseryOptions options;
  app.add_option("--control", control, "descriptor of the host's channel")->required();
  app.add_option("--threads", options.threads, "most threads of a worker")
      ->check(CLI::Range(1U, onecopy::limits::kCores));
  CLI11_PARSE(app, argc, argv);

  onecopy::set_process_name("onecopy-nursery", argv);
  std::signal(SIGINT, SIG_IGN);  // of a terminal: the host decides when to end
  std::signal(SIGPIPE, SIG_IGN);
  options.control = onecopy::UniqueFd(control);
  return onecopy::worker::run_nursery(std::move(options), argv);
}
