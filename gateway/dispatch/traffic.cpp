#include "gateway/dispatch/traffic.h"

#include <cmath>
#include <limits>
#include <span>
#include <string>

#include "shared/base/checksum.h"

namespace onecopy::gateway {
namespace {

constexpr double kHundred = 100;

// In (0, 1), the same for the same value and version in every process.
double drawn_for(std::string_view value, std::uint32_t version) {
  std::string text = std::to_string(version) + ' ';
  text += value;
  const std::uint64_t hash = content_hash(std::as_bytes(std::span(text))).low;
  return (static_cast<double>(hash >> 11U) + 0.5) * 0x1p-53;
}

// Weighted rendezvous hashing: each version draws a time until its turn, shorter the greater its
// share, and the first has the value. A version whose share stays has the same draw, so a change
// moves values only towards those that gained or away from those that lost.
std::uint32_t choose_sticky(const TrafficEntry& traffic, std::string_view value) {
  std::uint32_t chosen = 0;
  double earliest = std::numeric_limits<double>::infinity();
  for (const auto& [version, share] : traffic.shares) {
    if (share <= 0) continue;
    const double time = -std::log(drawn_for(value, version)) / share;
    if (time < earliest) {
      earliest = time;
      chosen = version;
    }
  }
  return chosen;
}

}  // namespace

std::uint32_t TrafficSplitter::choose(const TrafficEntry& traffic,
                                      std::optional<std::string_view> sticky) {
  if (sticky && !sticky->empty()) return choose_sticky(traffic, *sticky);
  double sum = 0;
  for (const auto& [version, share] : traffic.shares) sum += share;
  double left = std::uniform_real_distribution<double>(0, sum)(random_);
  std::uint32_t last = 0;
  for (const auto& [version, share] : traffic.shares) {
    if (share <= 0) continue;
    last = version;
    left -= share;
    if (left < 0) break;
  }
  return last;
}

std::vector<std::uint32_t> TrafficSplitter::shadows(const TrafficEntry& traffic) {
  std::vector<std::uint32_t> versions;
  std::uniform_real_distribution<double> percent(0, kHundred);
  for (const auto& [version, share] : traffic.shadow) {
    if (percent(random_) < share) versions.push_back(version);
  }
  return versions;
}

}  // namespace onecopy::gateway
