// The ghosts of S3-FIFO (answer_cache.h): keys of what was evicted lately, without their answers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "gateway/dispatch/answer_key.h"

namespace onecopy::gateway {

// Class EvictedKeys: a table of 8 bytes for each key, of a size that does not change: 32 bits of the
// key, and when it came. A key that finds its few places taken replaces the oldest there, and one
// in some hundred million is taken for another: either costs a wrong guess of the cache, no more.
// One thread.
class EvictedKeys {
 public:
  // So many keys, rounded down to a power of two; 8 at least.
  explicit EvictedKeys(std::size_t keys);

  void add(const AnswerKey& key);
  // Whether it is among the last `most` that were added; it is no longer then.
  bool take(const AnswerKey& key, std::size_t most);

  std::size_t bytes() const { return slots_.size() * sizeof(Slot); }

 private:
  struct Slot {
    std::uint32_t mark = 0;   // 0: empty
    std::uint32_t since = 0;  // the value of added_ then
  };
  std::span<Slot> places_of(const AnswerKey& key);
  std::uint32_t age(const Slot& slot) const { return added_ - slot.since; }  // wraps around

  std::vector<Slot> slots_;
  std::uint32_t added_ = 0;
};

}  // namespace onecopy::gateway
