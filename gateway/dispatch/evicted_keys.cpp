#include "gateway/dispatch/evicted_keys.h"

#include <algorithm>
#include <bit>

namespace onecopy::gateway {
namespace {

constexpr std::size_t kPlaces = 8;  // for a key: one cache line

std::uint32_t mark_of(const AnswerKey& key) { return static_cast<std::uint32_t>(key.low) | 1U; }

}  // namespace

EvictedKeys::EvictedKeys(std::size_t keys) : slots_(std::bit_floor(std::max(keys, kPlaces))) {}

std::span<EvictedKeys::Slot> EvictedKeys::places_of(const AnswerKey& key) {
  const std::size_t lines = slots_.size() / kPlaces;
  return std::span(slots_).subspan((key.high & (lines - 1)) * kPlaces, kPlaces);
}

void EvictedKeys::add(const AnswerKey& key) {
  const std::span<Slot> places = places_of(key);
  auto place = std::ranges::find(places, 0U, &Slot::mark);
  if (place == places.end()) {
    place = std::ranges::max_element(places, {}, [&](const Slot& slot) { return age(slot); });
  }
  *place = {mark_of(key), ++added_};
}

bool EvictedKeys::take(const AnswerKey& key, std::size_t most) {
  for (Slot& slot : places_of(key)) {
    if (slot.mark != mark_of(key)) continue;
    const bool is_recent = age(slot) < most;
    slot = {};
    return is_recent;
  }
  return false;
}

}  // namespace onecopy::gateway
