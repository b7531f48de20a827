#include "gateway/dispatch/dispatcher.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "shared/base/limits.h"
#include "shared/base/log.h"

namespace onecopy::gateway {
namespace {

constexpr auto kPauseAfterDeath = std::chrono::milliseconds(20);

}  // namespace

Dispatcher::Dispatcher(EventLoop& loop, const Settings& settings, Events& events)
    : loop_(loop),
      settings_(settings),
      events_(events),
      grants_(settings.cores),
      pause_(loop,
             [this] {
               paused_ = false;
               schedule();
             }),
      watchdog_(loop, [this] { look_for_hung(); }) {}

Dispatcher::~Dispatcher() = default;

void Dispatcher::add_worker(std::uint64_t id, UniqueFd socket) {
  auto link = WorkerLink::create(loop_, *this, id, std::move(socket));
  if (!link) {
    log_line(fmt::format("worker {}: {}", id, link.error().text), LogLevel::kWarning);
    events_.on_worker_gone(id);
    return;
  }
  workers_.push_back(std::move(*link));
  became_idle(*workers_.back());
  schedule();
}

void Dispatcher::set_process(std::uint64_t id, UniqueFd pidfd) {
  const auto worker =
      std::ranges::find_if(workers_, [&](const auto& link) { return link->id() == id; });
  if (worker != workers_.end()) (*worker)->set_process(std::move(pidfd));
}

WorkersHealth Dispatcher::health() const {
  if (workers_.empty()) return WorkersHealth::kNoWorkers;
  const bool all_stuck = std::ranges::all_of(workers_, [&](const auto& worker) {
    return worker->batch() != nullptr && worker->silent_for() > settings_.worker_silence / 2;
  });
  return all_stuck ? WorkersHealth::kStuck : WorkersHealth::kOk;
}

void Dispatcher::set_most_workers(std::size_t most) {
  most_workers_ = most;
  // Those first whose caches are coldest. They see the end of their socket, and end.
  while (workers_.size() > most_workers_ && !idle_.empty()) drop(*idle_.front());
  tell_load();
}

void Dispatcher::detach(const std::string& segment) {
  for (const auto& worker : workers_) worker->detach(segment);
}

Status Dispatcher::submit(std::span<WorkItem* const> items) {
  // What an idle worker takes at once does not wait, so it needs no place in the queue.
  if (queue_.size() + items.size() > settings_.queued_items + idle_.size()) {
    return fail(ErrorCode::kBusy,
                "the queue is full ({} of {} places taken, {} asked for); retry later",
                queue_.size(), settings_.queued_items, items.size());
  }
  for (WorkItem* const item : items) queue_.push_back(*item);
  schedule();
  return {};
}

void Dispatcher::give_up(WorkItem& item) {
  queue_.remove(item);
  if (item.batch != nullptr) item.batch->remove(item);
}

void Dispatcher::fail_all(const Error& error) {
  while (WorkItem* const item = queue_.pop()) item->owner->fail_with(error);
  for (const auto& worker : std::vector(workers_)) {
    const Batch* const batch = worker->batch();
    for (std::size_t i = 0; batch != nullptr && i < batch->size(); ++i) {
      if (WorkItem* const item = batch->at(i)) item->owner->fail_with(error);
    }
  }
}

int Dispatcher::retry_after_s() const {
  const auto workers = static_cast<double>(std::max<std::size_t>(1, workers_.size()));
  const double seconds = std::ceil(static_cast<double>(queue_.size()) * mean_service_s_ / workers);
  return static_cast<int>(std::clamp(seconds, 1.0, 30.0));
}

void Dispatcher::became_idle(WorkerLink& worker) {
  grants_.stop(worker.threads());
  idle_.push_back(&worker);
}

// The worker that has served this model last, so that its part of the weights is warm in a cache;
// otherwise the one whose last work is freshest.
WorkerLink& Dispatcher::take_idle_for(const Model& model) {
  auto found = std::find_if(idle_.rbegin(), idle_.rend(), [&](const WorkerLink* worker) {
    return worker->last_model() == &model;
  });
  if (found == idle_.rend()) found = idle_.rbegin();
  WorkerLink& worker = **found;
  idle_.erase(std::next(found).base());
  least_idle_ = std::min(least_idle_, idle_.size());
  return worker;
}

void Dispatcher::schedule() {
  while (!paused_ && !idle_.empty() && !queue_.empty()) start_next();
  grants_.share_out();
  tell_load();
}

void Dispatcher::tell_load() {
  const bool waiting = !queue_.empty();
  const bool idle = !idle_.empty();
  if (waiting == told_waiting_ && idle == told_idle_) return;
  told_waiting_ = waiting;
  told_idle_ = idle;
  events_.on_load_changed();
}

// One turn of one model. Nothing waits for a batch to fill: it is made of what is there when a
// worker is free.
void Dispatcher::start_next() {
  // Several idle workers share what waits, rather than one taking it all.
  // More than there are cores would only take turns on them.
  const std::size_t cores = settings_.cores;
  const std::size_t busy = workers_.size() - idle_.size();
  const std::size_t sharers = std::min(idle_.size(), cores > busy ? cores - busy : 1);
  const std::size_t share = (queue_.size() + sharers - 1) / sharers;
  WorkItem& first = *queue_.pop();
  if (first.deadline <= Clock::now()) return first.owner->expire();
  start(batch_from(first, share));
}

std::unique_ptr<Batch> Dispatcher::batch_from(WorkItem& first, std::size_t share) {
  auto batch = std::make_unique<Batch>();
  batch->add(first);
  const Model& model = first.model();
  const auto now = Clock::now();
  while (batch->size() < share) {
    WorkItem* const next = queue_.next_of(model);
    // An expired item answers its client when its turn comes, or by its timer.
    if (next == nullptr || next->deadline <= now || !batch->has_room_for(*next)) break;
    queue_.take(*next);
    batch->add(*next);
  }
  return batch;
}

void Dispatcher::start(std::unique_ptr<Batch> batch) {
  WorkerLink& worker = take_idle_for(batch->at(0)->model());
  grants_.start(worker.threads(), std::min(idle_.size(), queue_.size()));
  const Status started = worker.start(batch);
  if (started) {
    if (!std::exchange(watching_, true)) watchdog_.set_after(tick());
    return;
  }
  if (started.error().code == ErrorCode::kUnavailable) {
    put_back(*batch);  // the worker never had it
    return drop(worker);
  }
  became_idle(worker);
  // Batches are made to fit, so this is an item that fits no mailbox, alone.
  for (std::size_t i = 0; i < batch->size(); ++i) {
    if (WorkItem* const item = batch->take(i)) item->owner->fail_with(started.error());
  }
}

// Before all others, in their order.
void Dispatcher::put_back(Batch& batch) {
  for (std::size_t i = batch.size(); i-- > 0;) {
    if (WorkItem* const item = batch.take(i)) queue_.push_front(*item);
  }
}

void Dispatcher::on_reply(WorkerLink& worker, std::unique_ptr<Batch> batch,
                          std::vector<WorkReply> replies) {
  const std::chrono::duration<double> took = Clock::now() - worker.started_at();
  mean_service_s_ += (took.count() / static_cast<double>(batch->size()) - mean_service_s_) / 32;
  if (workers_.size() > most_workers_) {
    drop(worker);
  } else {
    became_idle(worker);
  }
  schedule();  // first, so that the worker computes while the replies are written
  for (std::size_t i = 0; i < batch->size(); ++i) {
    if (WorkItem* const item = batch->take(i)) item->owner->item_done(std::move(replies[i]));
  }
}

void Dispatcher::on_death(WorkerLink& worker, std::unique_ptr<Batch> batch) {
  const bool crashed = worker.crashed();
  drop(worker);
  // Whatever ended one worker may be about to end the others (pkill, the out-of-memory killer): the
  // requests that are tried once more should not meet that too.
  paused_ = true;
  pause_.set_after(kPauseAfterDeath);
  for (std::size_t i = batch ? batch->size() : 0; i-- > 0;) {
    if (WorkItem* const item = batch->take(i)) retry(*item, crashed);
  }
}

// A request that crashes workers is not to end them all; from the first death on it goes alone
// (Batch::has_room_for), so that it ends no other's second worker. One whose workers are killed
// from outside is tried a little longer: nobody should lose an answer because somebody tidied up
// twice.
void Dispatcher::retry(WorkItem& item, bool crashed) {
  ++item.deaths;
  if (crashed) ++item.crashes;
  if (item.crashes < limits::kCrashes && item.deaths < limits::kAttempts) {
    return queue_.push_front(item);
  }
  item.owner->fail_with(
      {ErrorCode::kInternal,
       fmt::format("this request ended {} workers; not tried again", item.deaths)});
}

// Often enough that neither time is missed by much, seldom enough to cost nothing.
Milliseconds Dispatcher::tick() const {
  return std::max(Milliseconds(1), std::min(settings_.worker_silence, settings_.cancel_grace) / 5);
}

void Dispatcher::look_for_hung() {
  watching_ = idle_.size() < workers_.size();
  if (watching_) watchdog_.set_after(tick());
  for (const auto& worker : std::vector(workers_)) {  // the hung ones leave the list
    if (!worker->hangs(tick(), settings_)) continue;
    log_line(fmt::format("worker {} hangs; it is ended", worker->id()));
    worker->end_hung();
  }
}

void Dispatcher::drop(WorkerLink& worker) {
  worker.close();  // else its end would be reported once more
  std::erase(idle_, &worker);
  grants_.stop(worker.threads());
  grants_.share_out();
  const auto place = std::ranges::find(workers_, &worker, &std::shared_ptr<WorkerLink>::get);
  const std::uint64_t id = worker.id();
  loop_.dispose(std::move(*place));  // it may be the caller
  workers_.erase(place);
  events_.on_worker_gone(id);
}

}  // namespace onecopy::gateway
