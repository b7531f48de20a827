// Trials: a segment is tried by a child of the nursery (attach, checksums, one forward pass, finite
// answers) before anybody is served from it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>

#include "host/registry/held_segment.h"
#include "shared/base/json.h"
#include "shared/base/status.h"

namespace onecopy::host {

// Class Trials: keeps the segments while they are tried. A nursery that dies over a trial does not
// end it: the next one gets it, up to a bound. One thread.
class Trials {
 public:
  using Send = std::function<void(const Json& message, int fd)>;
  // 0 without a reference, else how far the answers are from the reference's.
  using OnDone = std::function<void(Result<double>)>;

  explicit Trials(Send send_to_nursery) : send_(std::move(send_to_nursery)) {}

  std::uint64_t start(HeldSegment::Pointer candidate, HeldSegment::Pointer reference,
                      OnDone on_done);
  void cancel(std::uint64_t id);  // on_done does not come
  // The nursery's "trial_done".
  void on_trial_done(const Json& body);
  void on_nursery_up();
  void on_nursery_down();

 private:
  struct Trial {
    HeldSegment::Pointer candidate;
    HeldSegment::Pointer reference;
    OnDone on_done;
    int attempts = 0;
  };
  void ask(std::uint64_t id, Trial& trial);
  void finish(std::uint64_t id, Result<double> result);

  Send send_;
  std::map<std::uint64_t, Trial> trials_;
  std::uint64_t next_ = 1;
  bool up_ = false;
};

}  // namespace onecopy::host
