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

Dispatcher::Dispatcher(EventLoop& loop, std::size_t queued_items, unsigned cores,
                       std::function<void(std::uint64_t)> worker_gone)
    : loop_(loop),
      max_queued_(queued_items),
      worker_gone_(std::move(worker_gone)),
      cores_(std::max(1U, cores)),
      grants_(cores),
      pause_(loop, [this] {
        paused_ = false;
        schedule();
      }) {}

Dispatcher::~Dispatcher() = default;

void Dispatcher::add_worker(std::uint64_t id, UniqueFd socket) {
  auto link = WorkerLink::create(loop_, *this, id, std::move(socket));
  if (!link) {
    log_line(fmt::format("worker {}: {}", id, link.error().text), LogLevel::kWarning);
    worker_gone_(id);
    return;
  }
  workers_.push_back(std::move(*link));
  became_idle(*workers_.back());
  schedule();
}

Status Dispatcher::submit(Call& call) {
  const std::size_t items = call.items().size();
  // What an idle worker takes at once does not wait, so it needs no place in the queue.
  if (queue_.size() + items > max_queued_ + idle_.size()) {
    return fail(ErrorCode::kBusy,
                "the queue is full ({} of {} places taken, {} asked for); retry later",
                queue_.size(), max_queued_, items);
  }
  for (WorkItem& item : call.items()) queue_.push_back(item, call.model());
  schedule();
  return {};
}

void Dispatcher::give_up(Call& call) {
  for (WorkItem& item : call.items()) {
    queue_.remove(item);
    if (item.batch != nullptr) item.batch->remove(item);
  }
}

void Dispatcher::fail_all(const Error& error) {
  while (WorkItem* const item = queue_.pop()) item->call->fail_with(error);
  for (const auto& worker : std::vector(workers_)) {
    const Batch* const batch = worker->batch();
    for (std::size_t i = 0; batch != nullptr && i < batch->size(); ++i) {
      if (WorkItem* const item = batch->at(i)) item->call->fail_with(error);
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
  return worker;
}

void Dispatcher::schedule() {
  while (!paused_ && !idle_.empty() && !queue_.empty()) start_next();
  grants_.share_out();
}

// One turn of one model. Nothing waits for a batch to fill: it is made of what is there when a
// worker is free.
void Dispatcher::start_next() {
  // Several idle workers share what waits, rather than one taking it all.
  // More than there are cores would only take turns on them.
  const std::size_t busy = workers_.size() - idle_.size();
  const std::size_t sharers = std::min(idle_.size(), cores_ > busy ? cores_ - busy : 1);
  const std::size_t share = (queue_.size() + sharers - 1) / sharers;
  WorkItem& first = *queue_.pop();
  if (first.call->deadline() <= Clock::now()) return first.call->expire();
  start(batch_from(first, share));
}

std::unique_ptr<Batch> Dispatcher::batch_from(WorkItem& first, std::size_t share) {
  auto batch = std::make_unique<Batch>();
  batch->add(first);
  const Model& model = first.call->model();
  const auto now = Clock::now();
  while (batch->size() < share) {
    WorkItem* const next = queue_.next_of(model);
    // An expired item answers its client when its turn comes, or by its timer.
    if (next == nullptr || next->call->deadline() <= now || !batch->has_room_for(*next)) break;
    queue_.remove(*next);
    batch->add(*next);
  }
  return batch;
}

void Dispatcher::start(std::unique_ptr<Batch> batch) {
  WorkerLink& worker = take_idle_for(batch->at(0)->call->model());
  grants_.start(worker.threads(), std::min(idle_.size(), queue_.size()));
  const Status started = worker.start(batch);
  if (started) return;
  if (started.error().code == ErrorCode::kUnavailable) {
    put_back(*batch);  // the worker never had it
    return drop(worker);
  }
  became_idle(worker);
  // Batches are made to fit, so this is an item that fits no mailbox, alone.
  for (std::size_t i = 0; i < batch->size(); ++i) {
    if (WorkItem* const item = batch->take(i)) item->call->fail_with(started.error());
  }
}

// Before all others, in their order.
void Dispatcher::put_back(Batch& batch) {
  for (std::size_t i = batch.size(); i-- > 0;) {
    if (WorkItem* const item = batch.take(i)) queue_.push_front(*item, item->call->model());
  }
}

void Dispatcher::on_reply(WorkerLink& worker, std::unique_ptr<Batch> batch,
                          std::vector<WorkReply> replies) {
  const std::chrono::duration<double> took = Clock::now() - worker.started_at();
  mean_service_s_ += (took.count() / static_cast<double>(batch->size()) - mean_service_s_) / 32;
  became_idle(worker);
  schedule();  // first, so that the worker computes while the replies are written
  for (std::size_t i = 0; i < batch->size(); ++i) {
    if (WorkItem* const item = batch->take(i)) item->call->item_done(*item, std::move(replies[i]));
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
    return queue_.push_front(item, item.call->model());
  }
  item.call->fail_with(
      {ErrorCode::kInternal,
       fmt::format("this request ended {} workers; not tried again", item.deaths)});
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
  worker_gone_(id);
}

}  // namespace onecopy::gateway
