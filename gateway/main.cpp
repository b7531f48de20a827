// onecopy-gateway: HTTP in front, workers behind. Started by the host.
#include <sys/resource.h>

#include <csignal>

#include "gateway/gateway.h"
#include "gateway/options.h"
#include "shared/base/log.h"
#include "shared/base/process.h"

namespace gateway = onecopy::gateway;
using onecopy::UniqueFd;

namespace {

// Each worker takes two descriptors and each client one: as many as the system lets us have.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

int main(int argc, char** argv) {
  const auto options = gateway::parse_options(argc, argv);
  if (!options) {
    onecopy::log_line(options.error().text, onecopy::LogLevel::kError);
    return 2;
  }
  onecopy::set_process_name("onecopy-gateway", argv);
  // The host decides when to end, by "drain" or by its own end. A Ctrl-C reaches every process of
  // the terminal, and must not end this one before its replies are sent.
  std::signal(SIGINT, SIG_IGN);
  std::signal(SIGTERM, SIG_IGN);
  raise_descriptor_limit();
  gateway::Settings settings;
  settings.cores = static_cast<unsigned>(options->cores);
  auto created = gateway::Gateway::create(
      {UniqueFd(options->control), UniqueFd(options->listen), UniqueFd(options->management_listen)},
      settings);
  if (!created) {
    onecopy::log_line(created.error().text, onecopy::LogLevel::kError);
    return 1;
  }
  (*created)->run();
  return 0;
}
