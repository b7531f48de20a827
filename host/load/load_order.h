// What a loading child is asked for, and what it answers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "host/publish/model_loader.h"
#include "host/registry/held_segment.h"

namespace onecopy::host {

struct LoadOrder {
  ModelSource source;
  std::string instance;
  std::uint64_t generation = 0;
  Arithmetic arithmetic;
  // Whose tensors it may borrow; they stay while it loads.
  std::vector<HeldSegment::Pointer> live;
};

struct LoadOutcome {
  HeldSegment::Pointer segment;
  std::string task;
  std::string precision;
  std::uint64_t bytes_borrowed = 0;
  double seconds = 0;
  std::optional<double> precision_error;
};

// The child's part: loads the model and says so over the channel (docs/control_protocol.md,
// "Loading"). Returns the exit code.
int run_loader(const LoadOrder& order, int channel);

}  // namespace onecopy::host
