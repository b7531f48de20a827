#include "gateway/dispatch/worker_pool.h"

#include <fcntl.h>

#include <algorithm>
#include <csignal>
#include <utility>
#include <vector>

#include "shared/base/log.h"
#include "shared/base/pidfd.h"
#include "shared/protocol/channel.h"

namespace onecopy::gateway {

WorkerPool::WorkerPool(EventLoop& loop, const Settings& settings, Dispatcher& dispatcher,
                       WorkerSource& source, std::function<void(Counts)> changed)
    : loop_(loop),
      settings_(settings),
      dispatcher_(dispatcher),
      source_(source),
      changed_(std::move(changed)),
      fork_timer_(loop,
                  [this] {
                    forks_wait_ = false;
                    fill();
                  }),
      add_timer_(loop, [this] { add_for_load(); }),
      retire_timer_(loop, [this] { retire_idle(); }),
      leaving_timer_(loop, [this] { check_leaving(); }) {}

WorkerPool::~WorkerPool() = default;

void WorkerPool::set_counts(const WorkerCounts& counts) {
  const bool is_new = wanted_ == 0 || counts.count != counts_.count;
  counts_ = counts;
  want(is_new ? counts.count : std::clamp<std::size_t>(wanted_, counts.min, counts.max));
}

void WorkerPool::want(std::size_t workers) {
  wanted_ = workers;
  dispatcher_.set_most_workers(wanted_);
  fill();
  on_load_changed();
}

std::size_t WorkerPool::asked() const {
  return static_cast<std::size_t>(std::ranges::count_if(
      workers_, [](const auto& entry) { return entry.second.state == Worker::State::kAsked; }));
}

void WorkerPool::fill() {
  const std::size_t there = dispatcher_.workers() + asked();
  for (std::size_t n = there; n < wanted_ && !forks_wait_ && !stopped_; ++n) {
    if (!source_.can_fork()) break;
    fork_one();
  }
  tell();
}

void WorkerPool::fork_one() {
  auto channel = make_channel();
  if (!channel) {
    log_line(fmt::format("a worker: {}", channel.error().text), LogLevel::kError);
    return put_off_forks({});
  }
  const std::uint64_t id = next_id_++;
  source_.fork(id, channel->second.get());
  Worker& worker = workers_[id];
  worker.since = Clock::now();
  worker.socket = std::move(channel->first);
}

void WorkerPool::put_off_forks(Clock::duration lifetime) {
  const auto delay = policy_.delay_after(lifetime);
  if (delay.count() == 0) return;
  forks_wait_ = true;
  fork_timer_.set_after(delay);
}

void WorkerPool::on_source_changed() {
  // What an earlier nursery was asked for and has not confirmed comes no more: such a worker, if
  // there is one, sees its socket close.
  std::erase_if(workers_,
                [](const auto& entry) { return entry.second.state == Worker::State::kAsked; });
  fill();
}

void WorkerPool::on_forked(std::uint64_t id, pid_t pid, UniqueFd process) {
  const auto found = workers_.find(id);
  if (found == workers_.end() || found->second.state != Worker::State::kAsked) return;
  Worker& worker = found->second;
  worker.pid = pid;
  worker.process = std::move(process);
  worker.since = Clock::now();
  worker.state = Worker::State::kServing;
  dispatcher_.add_worker(id, std::move(worker.socket));
  dispatcher_.set_process(id, UniqueFd(::fcntl(worker.process.get(), F_DUPFD_CLOEXEC, 0)));
  // Meanwhile fewer may be wanted.
  dispatcher_.set_most_workers(wanted_);
  tell();
}

void WorkerPool::on_fork_failed(std::uint64_t id, const std::string& why) {
  if (workers_.erase(id) == 0) return;
  log_line(fmt::format("a worker could not be forked: {}", why), LogLevel::kError);
  put_off_forks({});
  fill();
}

void WorkerPool::on_worker_gone(std::uint64_t id) {
  const auto found = workers_.find(id);
  if (found == workers_.end()) return;
  Worker& worker = found->second;
  const bool was_let_go = dispatcher_.workers() >= wanted_;
  worker.state = Worker::State::kLeaving;
  if (!was_let_go) {
    // It died, or must: one that lied to us is not left to go on.
    if (worker.process) send_signal(worker.process.get(), SIGKILL);
    put_off_forks(Clock::now() - worker.since);
  }
  worker.since = Clock::now();
  if (!worker.process) {
    workers_.erase(found);
  } else {
    watch_leaving();
  }
  // Not now: the dispatcher is in the midst of its own change.
  loop_.run_soon([this, alive = std::weak_ptr(alive_)] {
    if (!alive.expired()) fill();
  });
}

void WorkerPool::on_exited(std::uint64_t id, const std::string& how) {
  const auto found = workers_.find(id);
  if (found == workers_.end()) return;
  if (found->second.state == Worker::State::kServing) {
    // Its socket tells the dispatcher; the process is not to be signalled any more.
    found->second.process.reset();
    log_line(fmt::format("worker {} (process {}) ended: {}", id, found->second.pid, how),
             LogLevel::kWarning);
    return;
  }
  workers_.erase(found);
}

void WorkerPool::watch_leaving() {
  if (!std::exchange(leaving_is_due_, true)) leaving_timer_.set_after(settings_.worker_exit);
}

// Those that were let go and are still there.
void WorkerPool::check_leaving() {
  const auto limit = Clock::now() - settings_.worker_exit;
  bool more = false;
  leaving_is_due_ = false;
  std::erase_if(workers_, [&](const auto& entry) {
    const Worker& worker = entry.second;
    if (worker.state != Worker::State::kLeaving) return false;
    // (Those that died are erased by "exited"; without a nursery there is none, so here too.)
    more = more || worker.since > limit;
    if (worker.since > limit) return false;
    if (worker.process) send_signal(worker.process.get(), SIGKILL);
    return true;
  });
  if (more) watch_leaving();
}

void WorkerPool::on_load_changed() {
  if (stopped_ || wanted_ == 0) return;
  const bool waits = dispatcher_.queued() > 0;
  if (waits && wanted_ < counts_.max) {
    add_for_load();
  } else {
    add_timer_.clear();
  }
  if (wanted_ > counts_.min && dispatcher_.idle() > 0 && !may_retire_) {
    may_retire_ = true;
    dispatcher_.take_least_idle();
    retire_timer_.set_after(settings_.retire_workers_after);
  }
}

// More workers if a request has waited too long; else it looks again when that would be so.
void WorkerPool::add_for_load() {
  const auto wait = dispatcher_.longest_wait();
  if (!wait || wanted_ >= counts_.max) return;
  const auto left = settings_.add_workers_after - *wait;
  if (left.count() > 0) return add_timer_.set_after(std::chrono::ceil<Milliseconds>(left));
  // Those that were asked for before must come and take work first.
  add_timer_.set_after(settings_.add_workers_after);
  if (dispatcher_.workers() < wanted_ || dispatcher_.idle() > 0) return;
  const std::size_t more = std::clamp<std::size_t>(dispatcher_.queued(), 1, wanted_);
  want(std::min<std::size_t>(wanted_ + more, counts_.max));
}

void WorkerPool::retire_idle() {
  may_retire_ = false;
  const std::size_t spare = dispatcher_.take_least_idle();
  if (wanted_ > counts_.min && spare > 0) {
    want(std::max<std::size_t>(counts_.min, wanted_ - std::min(spare, wanted_)));
  } else {
    on_load_changed();
  }
}

void WorkerPool::tell() {
  const Counts now = counts();
  if (now == told_) return;
  told_ = now;
  changed_(now);
}

void WorkerPool::kill_all() {
  for (auto& [id, worker] : workers_) {
    if (worker.process) send_signal(worker.process.get(), SIGKILL);
  }
  workers_.clear();
}

}  // namespace onecopy::gateway
