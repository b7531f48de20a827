// Everything that an instance is to serve, as one value: the host decides it, the gateway applies
// it, gateway and nursery keep it for the next host should this one die.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shared/base/status.h"

namespace onecopy {

// A segment that is in use: a model's own, or one whose tensors other models borrow.
struct SegmentEntry {
  std::string name;
  std::uint64_t bytes = 0;
  bool operator==(const SegmentEntry&) const = default;
};

// One version of a model. What a worker needs to know of it (task, labels, sizes) lies in its
// segment; this is where it came from and what it cost.
struct ModelEntry {
  std::string name;
  std::uint32_t version = 1;
  std::string segment;
  std::string folder;
  std::string adapter;              // empty: none
  std::string requested_precision;  // "f32", "bf16", "int8", "auto"
  std::string precision;            // what it became
  std::string origin;               // "config": command line or config file; "api": registered
  std::string stamp;                // of the folder's files: differs when they were changed
  std::uint64_t bytes_own = 0;
  std::uint64_t bytes_borrowed = 0;
  double load_seconds = 0;
  std::int64_t loaded_at = 0;  // seconds since 1970
  std::optional<double> precision_error;
  bool operator==(const ModelEntry&) const = default;
};

// How requests that name no version are shared out. Percentages by version.
struct TrafficEntry {
  std::map<std::uint32_t, double> shares;  // add up to 100
  std::map<std::uint32_t, double> shadow;  // of all requests, sent there too, answers not used
  std::string sticky_header;               // empty: by chance
  bool operator==(const TrafficEntry&) const = default;
};

struct WorkerCounts {
  std::uint32_t count = 1;  // to start with; between min and max they follow the load
  std::uint32_t min = 1;
  std::uint32_t max = 1;
  bool operator==(const WorkerCounts&) const = default;
};

struct RegistrySnapshot {
  std::uint64_t revision = 0;  // grows with every change
  std::uint64_t next_generation = 1;
  WorkerCounts workers;
  std::string back_ends;  // worker/kernels/back_ends; empty: not chosen yet
  std::vector<SegmentEntry> segments;
  std::vector<ModelEntry> models;
  std::map<std::string, std::uint32_t> defaults;  // by model name
  std::map<std::string, TrafficEntry> traffic;    // by model name; most have none
  bool operator==(const RegistrySnapshot&) const = default;

  const ModelEntry* find(std::string_view name, std::uint32_t version) const;
};

std::string to_json_text(const RegistrySnapshot& snapshot);
// Checks every field, and that what refers to each other is there: kCorrupt names what is wrong.
Result<RegistrySnapshot> snapshot_from_json(std::string_view text);

// Whether traffic may be shared out so among these versions of a model: kInvalidArgument names the
// field and what it may be.
Status check_traffic(const TrafficEntry& traffic, const std::vector<std::uint32_t>& versions);

}  // namespace onecopy
