#include "host/publish/run_parallel.h"

#include <mutex>

#include "shared/base/run_on_cores.h"

namespace onecopy::host {

Status run_parallel(std::size_t jobs,
                    const std::function<Status(std::size_t, TensorPacker&)>& job) {
  std::mutex mutex;
  Status first_error;
  run_on_cores(jobs, [&](SharedItems& items) {
    TensorPacker packer;
    while (const auto i = items.take()) {
      if (auto done = job(*i, packer); !done) {
        items.drop_rest();
        const std::lock_guard lock(mutex);
        if (first_error) first_error = std::move(done);
      }
    }
  });
  return first_error;
}

}  // namespace onecopy::host
