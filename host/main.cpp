// onecopy-host: decides what an instance serves and keeps it running. `onecopy serve` starts it.
#include <fmt/format.h>

#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "host/control/host.h"
#include "host/options.h"
#include "host/supervise/instance_lock.h"
#include "shared/base/log.h"
#include "shared/base/process.h"

namespace onecopy::host {
namespace {

Status serve(ServeOptions options, std::vector<std::string> arguments) {
  ASSIGN_OR_RETURN(UniqueFd lock, lock_instance(options.instance));
  ASSIGN_OR_RETURN(const auto loop, EventLoop::create());
  Host host(*loop, std::move(options), std::move(arguments), std::move(lock));
  return host.run();
}

// 2: what was asked for cannot be served; 1: the machine or onecopy failed, or another has the
// instance.
int exit_code(const Error& error) {
  const bool ours = error.code == ErrorCode::kSystem || error.code == ErrorCode::kInternal ||
                    error.code == ErrorCode::kDeadline || error.code == ErrorCode::kBusy ||
                    error.code == ErrorCode::kUnsupported;
  return ours ? 1 : 2;
}

int report(const Error& error) {
  fmt::print(stderr, "onecopy: {}\n", error.text);
  return exit_code(error);
}

int run(int argc, char** argv) {
  std::vector<std::string> arguments(argv, argv + argc);  // before they are overwritten
  auto parsed = parse_options(argc, argv);
  if (!parsed) return report(parsed.error());
  if (!parsed->options) return parsed->exit_code;
  set_process_name("onecopy-host", argv);
  set_log_instance(parsed->options->instance);
  const Status served = serve(std::move(*parsed->options), std::move(arguments));
  return served ? 0 : report(served.error());
}

}  // namespace
}  // namespace onecopy::host

int main(int argc, char** argv) try {
  return onecopy::host::run(argc, argv);
} catch (const std::exception& error) {
  fmt::print(stderr, "onecopy: {}\n", error.what());
  return 1;
}
