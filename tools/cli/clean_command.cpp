#include "tools/cli/clean_command.h"

#include <fmt/format.h>

#include "host/supervise/instance_lock.h"
#include "shared/segment/names.h"

namespace onecopy::tools {

int run_clean() {
  int exit_code = 0;
  for (const std::string& instance : list_instances()) {
    std::string_view who;
    if (host::lives(instance, &who)) {
      const char* const advice = who == "host" ? "" : "; end it with onecopy stop";
      fmt::print("{}: its {} is running, left alone{}\n", instance, who, advice);
      continue;
    }
    // With the lock held no host can start while its segments go.
    const auto lock = host::lock_instance(instance);
    if (lock) {
      fmt::print("{}: removed, with {} segments\n", instance, host::remove_leftovers(instance, {}));
    } else {
      fmt::print(stderr, "onecopy: {}\n", lock.error().text);
      exit_code = 1;
    }
  }
  return exit_code;
}

}  // namespace onecopy::tools
