// onecopy-gateway: HTTP in front, workers behind. Started by the host, which it may outlive.
#include <sys/resource.h>

#include "gateway/gateway.h"
#include "gateway/options.h"
#include "shared/base/log.h"
#include "shared/base/process.h"

namespace gateway = onecopy::gateway;
using onecopy::UniqueFd;

namespace {

// Each worker takes two descriptors, each client and each segment one: as many as the system lets
// us have.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

onecopy::Status serve(const gateway::Options& options) {
  gateway::Settings settings;
  settings.cores = static_cast<unsigned>(options.cores);
  settings.answer_cache_bytes = static_cast<std::size_t>(options.answer_cache_mb) << 20;
  settings.ends_with_host = options.ends_with_host;
  ASSIGN_OR_RETURN(const auto gateway,
                   gateway::Gateway::create(UniqueFd(options.rendezvous), settings));
  RETURN_IF_ERROR(gateway->watch_termination());
  gateway->run();
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  const auto options = gateway::parse_options(argc, argv);
  if (!options) {
    onecopy::log_line(options.error().text, onecopy::LogLevel::kError);
    return 2;
  }
  onecopy::set_process_name("onecopy-gateway", argv);
  gateway::block_termination();
  raise_descriptor_limit();
  if (const onecopy::Status served = serve(*options); !served) {
    onecopy::log_line(served.error().text, onecopy::LogLevel::kError);
    return 1;
  }
  return 0;
}
