// Which version of a model a request is for that names none.
#pragma once

#include <cstdint>
#include <optional>
#include <random>
#include <string_view>
#include <vector>

#include "shared/protocol/registry_snapshot.h"

namespace onecopy::gateway {

// Class TrafficSplitter: chooses by shares. One thread.
class TrafficSplitter {
 public:
  TrafficSplitter() : random_(std::random_device{}()) {}

  // With a sticky value always the same version, by chance otherwise. When shares change, only so
  // many values change their version as must. Precondition: a share is above 0.
  std::uint32_t choose(const TrafficEntry& traffic, std::optional<std::string_view> sticky);
  // The versions that a request is copied to: by chance, each for itself.
  std::vector<std::uint32_t> shadows(const TrafficEntry& traffic);

 private:
  std::mt19937_64 random_;
};

}  // namespace onecopy::gateway
