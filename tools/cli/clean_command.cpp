#include "tools/cli/clean_command.h"

#include <fmt/format.h>

#include "host/supervise/instance_lock.h"
#include "shared/segment/names.h"

namespace onecopy::tools {

int run_clean() {
  int exit_code = 0;
  for (const std::string& instance : list_instances()) {
    const auto lock = host::InstanceLock::acquire(instance);
    if (lock) {
      // The lock file goes with the lock.
      fmt::print("{}: removed, with {} segments\n", instance, lock->remove_leftovers().size());
    } else if (lock.error().code == ErrorCode::kBusy) {
      fmt::print("{}: running, left alone\n", instance);
    } else {
      fmt::print(stderr, "onecopy: {}: {}\n", instance, lock.error().text);
      exit_code = 1;
    }
  }
  return exit_code;
}

}  // namespace onecopy::tools
