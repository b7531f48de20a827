// Trials: whether a segment that nobody serves yet can be computed with, each in a process of its
// own, which hostile weights may crash.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "shared/base/json.h"
#include "shared/protocol/control.h"
#include "worker/answer/served_model.h"
#include "worker/process/children.h"

namespace onecopy::worker {

// Class Trials: owns the descriptors of segments to be tried; borrows the children, which must
// outlive it. One thread, the loop's. The host says which and is answered once for each.
class Trials {
 public:
  using Answer = std::function<void(const Json& trial_done)>;
  Trials(Children& children, Answer answer);

  // "trial_file", "trial" and "trial_cancel"; false for other messages.
  bool handle(ControlMessage& message);
  // The host is gone: its trials end, and nobody is told.
  void cancel_all();

 private:
  struct Trial;
  void keep_file(std::uint64_t id, ControlMessage& message);
  void start(std::uint64_t id, const ControlMessage& message);
  Status run(std::uint64_t id, const ControlMessage& message);
  void cancel(std::uint64_t id);
  void finish(const Trial& trial, const Child& child, int status);
  void refuse(std::uint64_t id, const Error& error);

  Children& children_;
  Answer answer_;
  std::map<std::uint64_t, SegmentFiles> prepared_;
  std::map<std::uint64_t, std::shared_ptr<Trial>> running_;
};

}  // namespace onecopy::worker
