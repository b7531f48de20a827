#include "host/run_parallel.h"

#include <atomic>
#include <mutex>

#include "shared/run_on_cores.h"

namespace onecopy::host {

Status run_parallel(std::size_t jobs,
                    const std::function<Status(std::size_t, TensorPacker&)>& job) {
  std::atomic<std::size_t> next = 0;
  std::mutex mutex;
  Status first_error;
  const auto work = [&] {
    TensorPacker packer;
    for (std::size_t i = next++; i < jobs; i = next++) {
      if (auto done = job(i, packer); !done) {
        next = jobs;
        const std::lock_guard lock(mutex);
        if (first_error) first_error = std::move(done);
      }
    }
  };
  run_on_cores(jobs, work);
  return first_error;
}

}  // namespace onecopy::host
