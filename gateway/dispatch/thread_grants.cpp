#include "gateway/dispatch/thread_grants.h"

#include <algorithm>
#include <utility>

namespace onecopy::gateway {

ThreadGrants::ThreadGrants(unsigned cores) : cores_(std::max(1U, cores)) {}

void ThreadGrants::start(Grant& grant, std::size_t more) {
  busy_.push_back({&grant, 0});
  share_out(more);
}

void ThreadGrants::stop(const Grant& grant) {
  std::erase_if(busy_, [&](const Busy& worker) { return worker.grant == &grant; });
}

void ThreadGrants::share_out(std::size_t more) {
  const std::size_t sharers = busy_.size() + more;
  for (std::size_t i = 0; i < busy_.size(); ++i) {
    const std::size_t share = cores_ / sharers + (i < cores_ % sharers ? 1 : 0);
    const auto threads = static_cast<unsigned>(std::max<std::size_t>(1, share));
    // The worker's core has the number in its cache, and reads it all the time.
    if (std::exchange(busy_[i].threads, threads) != threads) busy_[i].grant->store(threads);
  }
}

}  // namespace onecopy::gateway
