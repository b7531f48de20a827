#include "gateway/dispatch/answer_cache.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>
#include <span>

namespace onecopy::gateway {
namespace {

constexpr std::uint8_t kMostUses = 3;
constexpr std::uint8_t kUsesForMain = 2;
// Of the answers that are kept, one takes so much at least, or little less: what the table and the
// ghosts are made for.
constexpr std::size_t kUsualBytes = 128;
constexpr std::size_t kGhostBytes = 2 * kUsualBytes;
// Entries that one eviction looks at, so that no request waits long for it. Then the next goes,
// whatever its uses.
constexpr int kMostMoves = 1000;

// Of memory, for an object of this size: glibc adds a word and hands out multiples of 16.
constexpr std::size_t allocated(std::size_t size) {
  return std::max<std::size_t>(32, (size + 8 + 15) / 16 * 16);
}

std::span<const std::byte> payload_of(const WorkReply& reply) {
  if (!reply.values.empty()) return std::as_bytes(std::span(reply.values));
  return std::as_bytes(std::span(reply.answers));
}

// The list that lies behind the entry.
template <class Item>
void copy_to(std::vector<Item>& list, const std::byte* from, std::size_t bytes) {
  list.resize(bytes / sizeof(Item));
  if (bytes > 0) std::memcpy(list.data(), from, bytes);
}

}  // namespace

AnswerCache::AnswerCache(std::size_t most_bytes)
    : most_bytes_(most_bytes),
      buckets_(1),
      table_(Table::bucket_traits(buckets_.data(), buckets_.size())) {}

AnswerCache::~AnswerCache() { clear(); }

AnswerCache::Entry* AnswerCache::make(const AnswerKey& key, const WorkReply& reply) {
  const std::span<const std::byte> payload = payload_of(reply);
  auto* const memory = static_cast<std::byte*>(::operator new(sizeof(Entry) + payload.size()));
  auto* const entry = new (memory) Entry;
  entry->key = key;
  entry->payload_bytes = static_cast<std::uint32_t>(payload.size());
  entry->holds_values = !reply.values.empty();
  std::ranges::copy(payload, memory + sizeof(Entry));
  return entry;
}

void AnswerCache::destroy(Entry* entry) {
  entry->~Entry();
  ::operator delete(entry);
}

std::size_t AnswerCache::cost_of(std::size_t payload_bytes) {
  return allocated(sizeof(Entry) + payload_bytes);
}

std::size_t AnswerCache::bytes() const {
  if (!ghosts_) return 0;
  return buckets_.size() * sizeof(buckets_.front()) + ghosts_->bytes() + small_bytes_ + main_bytes_;
}

std::optional<WorkReply> AnswerCache::find(const AnswerKey& key) {
  const auto found = table_.find(key);
  if (found == table_.end()) return std::nullopt;
  if (found->uses < kMostUses) ++found->uses;
  WorkReply reply;
  const auto* const payload = reinterpret_cast<const std::byte*>(&*found + 1);
  if (found->holds_values) {
    copy_to(reply.values, payload, found->payload_bytes);
  } else {
    copy_to(reply.answers, payload, found->payload_bytes);
  }
  return reply;
}

void AnswerCache::put(const AnswerKey& key, const WorkReply& reply) {
  prepare();
  const std::size_t cost = cost_of(payload_of(reply).size());
  bool is_main = ghosts_->take(key, entries_);
  if (const auto found = table_.find(key); found != table_.end()) {
    is_main = found->is_main;
    remove(*found);
  }
  if (cost > share_of_small()) return;
  make_room(cost);
  Entry* const entry = make(key, reply);
  entry->is_main = is_main;
  add(*entry);
}

void AnswerCache::clear() {
  table_.clear();
  small_.clear_and_dispose(destroy);
  main_.clear_and_dispose(destroy);
  small_bytes_ = main_bytes_ = entries_ = 0;
  std::vector<Table::bucket_type> none(1);
  table_.rehash(Table::bucket_traits(none.data(), none.size()));
  buckets_ = std::move(none);
  ghosts_.reset();
}

void AnswerCache::prepare() {
  if (ghosts_) return;
  const std::size_t count = std::bit_floor(std::max<std::size_t>(1, most_bytes_ / kUsualBytes));
  std::vector<Table::bucket_type> buckets(count);
  table_.rehash(Table::bucket_traits(buckets.data(), buckets.size()));
  buckets_ = std::move(buckets);
  ghosts_.emplace(most_bytes_ / kGhostBytes);
}

void AnswerCache::add(Entry& entry) {
  table_.insert(entry);
  ++entries_;
  push(entry);
}

void AnswerCache::remove(Entry& entry) {
  pull(entry);
  --entries_;
  table_.erase(table_.iterator_to(entry));
  destroy(&entry);
}

// To the end of its queue.
void AnswerCache::push(Entry& entry) {
  (entry.is_main ? main_ : small_).push_back(entry);
  (entry.is_main ? main_bytes_ : small_bytes_) += cost_of(entry.payload_bytes);
}

void AnswerCache::pull(Entry& entry) {
  Queue& queue = entry.is_main ? main_ : small_;
  queue.erase(queue.iterator_to(entry));
  (entry.is_main ? main_bytes_ : small_bytes_) -= cost_of(entry.payload_bytes);
}

void AnswerCache::make_room(std::size_t bytes_needed) {
  while (bytes() + bytes_needed > most_bytes_ && entries_ > 0) {
    if (small_bytes_ >= share_of_small() || main_.empty()) {
      evict_from_small();
    } else {
      evict_from_main();
    }
  }
}

// One, unless what is beyond the queue's share all moves to the main queue.
void AnswerCache::evict_from_small() {
  for (int moved = 0; !small_.empty(); ++moved) {
    Entry& oldest = small_.front();
    if (oldest.uses < kUsesForMain || moved == kMostMoves) {
      ghosts_->add(oldest.key);
      ++evictions_;
      return remove(oldest);
    }
    pull(oldest);
    oldest.uses = 0;
    oldest.is_main = true;
    push(oldest);
    if (small_bytes_ < share_of_small()) return;
  }
}

void AnswerCache::evict_from_main() {
  for (int moved = 0; main_.front().uses > 0 && moved < kMostMoves; ++moved) {
    Entry& oldest = main_.front();
    --oldest.uses;
    pull(oldest);
    push(oldest);
  }
  ++evictions_;
  remove(main_.front());
}

}  // namespace onecopy::gateway
