// Between requests and workers: what was answered before comes from the cache, what is being
// computed is waited for, and only the rest goes to the dispatcher.
#pragma once

#include <boost/intrusive/list.hpp>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <span>
#include <unordered_map>

#include "gateway/dispatch/answer_cache.h"
#include "gateway/dispatch/answer_key.h"
#include "gateway/dispatch/dispatcher.h"
#include "gateway/dispatch/work.h"
#include "shared/base/clock.h"
#include "shared/base/status.h"

namespace onecopy::gateway {

class Computation;

// Class AnswerTaker: who waits for answers. Hears nothing of what it has left.
class AnswerTaker {
 public:
  virtual ~AnswerTaker() = default;
  virtual void take(std::size_t index, WorkReply reply) = 0;
  virtual void fail_with(const Error& error) = 0;
  virtual void expire() = 0;  // the deadline passed
};

// One text that a taker wants to have answered. Owned by the taker, who leaves before it ends.
struct AnswerWait : boost::intrusive::list_base_hook<> {
  AnswerTaker* taker = nullptr;
  std::size_t index = 0;  // of the text in its work
  Clock::time_point deadline = Clock::time_point::max();
  bool is_answered = false;            // nothing is to be computed
  std::optional<AnswerKey> key;        // set by find(); none: the cache has no part in it
  Computation* computation = nullptr;  // that it waits for
};

// Class Answers: owns the cache and the computations under way, one for each text however many wait
// for it; borrows the dispatcher. A computation goes on while anybody waits for it, with the latest
// of their deadlines; when the last one leaves, it is given up. Its error goes to all of them and is
// not kept. Work that is a shadow has no part in this: it is computed by itself. Nor has work that
// asks for no cache, but for its answers, which are kept. One thread.
class Answers {
 public:
  // Texts, since the gateway's start.
  struct Counts {
    std::uint64_t hits = 0;
    std::uint64_t misses = 0;  // computed
    std::uint64_t joined = 0;  // waited for another's computation
  };

  // With 0 bytes nothing is kept, and everybody has his own computation.
  // `most_joined`: texts that wait for another's computation at once.
  Answers(Dispatcher& dispatcher, std::size_t cache_bytes, std::size_t most_joined);
  ~Answers();

  bool is_on() const { return cache_.has_value(); }

  // What the cache has, if anything.
  std::optional<WorkReply> find(const Work& work, AnswerWait& wait);
  // After find(): has those computed that are not answered; all of them or, with kBusy, none. Their
  // takers may hear of them before this returns.
  Status compute(const std::shared_ptr<const Work>& work, std::span<AnswerWait> waits);
  // Takes them out of their computations.
  void leave(std::span<AnswerWait> waits);

  // Whether one of them waits for a worker.
  static bool is_queued(std::span<const AnswerWait> waits);
  int retry_after_s() const { return dispatcher_.retry_after_s(); }

  const Counts& counts() const { return counts_; }
  const std::optional<AnswerCache>& cache() const { return cache_; }
  void clear_cache();

 private:
  friend class Computation;
  using Computations = std::list<Computation>;

  Status submit(std::span<WorkItem* const> items);
  Computation* find_under_way(const Work& work, const AnswerWait& wait) const;
  Computation& begin(const std::shared_ptr<const Work>& work, const AnswerWait& wait);
  void leave(AnswerWait& wait);
  template <class Tell>
  void tell(Computation& computation, Tell tell_one);
  Computations end(Computation& computation);
  void on_reply(Computation& computation, WorkReply reply);
  void on_error(Computation& computation, const Error& error);
  void on_expiry(Computation& computation);

  Dispatcher& dispatcher_;
  const AnswerKeys keys_;
  const std::size_t most_joined_;
  std::size_t waits_ = 0;  // in all computations
  std::optional<AnswerCache> cache_;
  Computations computations_;
  std::unordered_map<AnswerKey, Computation*, AnswerCache::UseHash> joinable_;  // some of them
  Counts counts_;
};

}  // namespace onecopy::gateway
