#include "gateway/dispatch/answers.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "gateway/dispatch/computation.h"

namespace onecopy::gateway {

Answers::Answers(Dispatcher& dispatcher, std::size_t cache_bytes, std::size_t most_joined)
    : dispatcher_(dispatcher), most_joined_(most_joined) {
  if (cache_bytes > 0) cache_.emplace(cache_bytes);
}

Answers::~Answers() = default;

std::optional<WorkReply> Answers::find(const Work& work, AnswerWait& wait) {
  if (!cache_ || work.is_shadow) return std::nullopt;
  wait.key = keys_.of(work, work.texts[wait.index]);
  if (work.no_cache) return std::nullopt;
  std::optional<WorkReply> reply = cache_->find(*wait.key);
  if (reply) ++counts_.hits;
  return reply;
}

Status Answers::compute(const std::shared_ptr<const Work>& work, std::span<AnswerWait> waits) {
  std::vector<WorkItem*> items;
  std::uint64_t joined = 0;
  for (AnswerWait& wait : waits) {
    if (wait.is_answered) continue;
    Computation* computation = find_under_way(*work, wait);
    if (computation != nullptr) {
      ++joined;
    } else {
      computation = &begin(work, wait);
      items.push_back(&computation->item());
    }
    computation->add(wait);
    ++waits_;
  }
  Status queued = submit(items);
  if (!queued) {
    leave(waits);
    return queued;
  }
  counts_.misses += items.size();
  counts_.joined += joined;
  return {};
}

Status Answers::submit(std::span<WorkItem* const> items) {
  const std::size_t joined = waits_ - computations_.size();
  if (joined > most_joined_) {
    return fail(ErrorCode::kBusy,
                "{} texts would wait for the answers to the same ones, more than {}; retry later",
                joined, most_joined_);
  }
  return items.empty() ? Status{} : dispatcher_.submit(items);
}

Computation* Answers::find_under_way(const Work& work, const AnswerWait& wait) const {
  if (!wait.key || work.no_cache) return nullptr;
  const auto found = joinable_.find(*wait.key);
  return found == joinable_.end() ? nullptr : found->second;
}

Computation& Answers::begin(const std::shared_ptr<const Work>& work, const AnswerWait& wait) {
  Computation& computation = computations_.emplace_back(*this, work, wait);
  computation.place = std::prev(computations_.end());
  if (computation.item().may_be_joined) joinable_.emplace(*computation.key(), &computation);
  return computation;
}

void Answers::leave(std::span<AnswerWait> waits) {
  for (AnswerWait& wait : waits) {
    if (wait.computation != nullptr) leave(wait);
  }
}

void Answers::leave(AnswerWait& wait) {
  Computation& computation = *wait.computation;
  computation.remove(wait);
  --waits_;
  // One that has ended is being told to those who wait for it, and goes afterwards.
  if (!computation.has_waits() && !computation.has_ended) end(computation);
}

// Nobody can join it any more, no worker goes on with it; it lives as long as the result.
Answers::Computations Answers::end(Computation& computation) {
  dispatcher_.give_up(computation.item());
  if (computation.item().may_be_joined) joinable_.erase(*computation.key());
  computation.has_ended = true;
  Computations ended;
  ended.splice(ended.begin(), computations_, computation.place);
  return ended;
}

void Answers::on_reply(Computation& computation, WorkReply reply) {
  if (reply.error) return on_error(computation, *reply.error);
  const Computations ended = end(computation);
  const auto& key = computation.key();
  if (key && check_values(computation.work(), reply.values)) cache_->put(*key, reply);
  tell(computation, [&](const AnswerWait& wait, bool is_last) {
    wait.taker->take(wait.index, is_last ? std::move(reply) : reply);
  });
}

void Answers::on_error(Computation& computation, const Error& error) {
  const Error kept = error;  // it may lie in what ends with the first request
  const Computations ended = end(computation);
  tell(computation, [&](const AnswerWait& wait, bool) { wait.taker->fail_with(kept); });
}

void Answers::on_expiry(Computation& computation) {
  const Computations ended = end(computation);
  tell(computation, [](const AnswerWait& wait, bool) { wait.taker->expire(); });
}

// Each that is told may end its request, and with it other waits, also of this computation.
template <class Tell>
void Answers::tell(Computation& computation, Tell tell_one) {
  while (computation.has_waits()) {
    const AnswerWait& wait = computation.take_first();
    --waits_;
    tell_one(wait, !computation.has_waits());
  }
}

bool Answers::is_queued(std::span<const AnswerWait> waits) {
  return std::ranges::any_of(waits, [](const AnswerWait& wait) {
    return wait.computation != nullptr && wait.computation->item().lane != nullptr;
  });
}

void Answers::clear_cache() {
  if (cache_) cache_->clear();
}

}  // namespace onecopy::gateway
