// Answers that were computed before, within a bound of bytes.
//
// Which are kept: S3-FIFO, of Juncheng Yang, Yazhuo Zhang, Ziyue Qiu, Yao Yue, K. V. Rashmi: "FIFO
// queues are all you need for cache eviction", SOSP 2023. What is new goes into a small queue, a
// tenth of the bytes. At its end, what was asked for twice meanwhile moves to the main queue, the
// rest is evicted and its key remembered as a ghost. What comes back while its ghost is there goes
// to the main queue at once. At the main queue's end, what was asked for meanwhile begins anew, at
// most three times for as many askings. So what is asked for once passes through without touching
// what is asked for often, and an asking costs a count: nothing is moved.
#pragma once

#include <boost/intrusive/list.hpp>
#include <boost/intrusive/unordered_set.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "gateway/dispatch/answer_key.h"
#include "gateway/dispatch/evicted_keys.h"
#include "shared/protocol/mailbox.h"

namespace onecopy::gateway {

// Class AnswerCache: owns the answers and all that finding them takes, which counts too: table,
// links, ghosts, what the allocator adds. An entry is one piece of memory, so that a lookup waits
// for few of them. The table has its full size from the first answer on, as letting it grow would
// hold up the gateway for the time of moving all entries. One thread.
class AnswerCache {
 public:
  // A key is as good as its hash.
  struct UseHash {
    std::size_t operator()(const AnswerKey& key) const noexcept { return key.low; }
  };

  explicit AnswerCache(std::size_t most_bytes);
  ~AnswerCache();
  AnswerCache(const AnswerCache&) = delete;
  AnswerCache& operator=(const AnswerCache&) = delete;

  // Counts as an asking.
  std::optional<WorkReply> find(const AnswerKey& key);
  // Adds or replaces it; not kept is what would take more than a tenth of the bytes. Precondition:
  // it is no error.
  void put(const AnswerKey& key, const WorkReply& reply);
  void clear();

  std::size_t entries() const { return entries_; }
  std::size_t bytes() const;  // never more than most_bytes()
  std::size_t most_bytes() const { return most_bytes_; }
  std::uint64_t evictions() const { return evictions_; }

 private:
  using QueueHook =
      boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::normal_link>>;
  using TableHook = boost::intrusive::unordered_set_base_hook<
      boost::intrusive::link_mode<boost::intrusive::normal_link>>;
  // What it answers with lies behind it: QaAnswer[] or float[].
  struct Entry : QueueHook, TableHook {
    AnswerKey key;
    std::uint32_t payload_bytes = 0;
    bool holds_values = false;
    bool is_main = false;
    std::uint8_t uses = 0;  // askings, 3 at most, since it came to its place in its queue
  };
  struct KeyOf {
    using type = AnswerKey;
    const AnswerKey& operator()(const Entry& entry) const { return entry.key; }
  };
  using Queue = boost::intrusive::list<Entry, boost::intrusive::constant_time_size<false>>;
  using Table = boost::intrusive::unordered_set<
      Entry, boost::intrusive::key_of_value<KeyOf>, boost::intrusive::hash<UseHash>,
      boost::intrusive::power_2_buckets<true>, boost::intrusive::constant_time_size<false>>;

  static Entry* make(const AnswerKey& key, const WorkReply& reply);
  static void destroy(Entry* entry);
  static std::size_t cost_of(std::size_t payload_bytes);
  std::size_t share_of_small() const { return most_bytes_ / 10; }
  void prepare();
  void add(Entry& entry);
  void remove(Entry& entry);
  void make_room(std::size_t bytes_needed);
  void evict_from_small();
  void evict_from_main();
  void push(Entry& entry);
  void pull(Entry& entry);

  const std::size_t most_bytes_;
  std::vector<Table::bucket_type> buckets_;  // the table's; one until the first answer
  Table table_;
  std::optional<EvictedKeys> ghosts_;  // from the first answer on
  Queue small_;                        // oldest first, both
  Queue main_;
  std::size_t small_bytes_ = 0;
  std::size_t main_bytes_ = 0;
  std::size_t entries_ = 0;
  std::uint64_t evictions_ = 0;
};

}  // namespace onecopy::gateway
