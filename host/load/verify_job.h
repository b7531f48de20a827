// Looks through the segments of a host that died: whether every byte is what was published.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "host/load/task.h"
#include "host/registry/held_segment.h"

namespace onecopy::host {

// Class VerifyJob: owns the descriptors until it hands them out. The bytes are read by a child:
// gigabytes take seconds. One thread.
class VerifyJob final : private Task::Events {
 public:
  struct Found {
    std::vector<HeldSegment::Pointer> good;  // lenders before borrowers
    std::vector<std::string> bad;            // a line for each
  };
  using OnDone = std::function<void(Found)>;
  struct Candidate {
    std::string name;
    UniqueFd fd;
  };

  // `candidates`: lenders before borrowers.
  VerifyJob(EventLoop& loop, Reaper& reaper, std::vector<Candidate> candidates, OnDone on_done)
      : candidates_(std::move(candidates)),
        on_done_(std::move(on_done)),
        task_(loop, reaper, *this) {}
  Status start();

 private:
  void on_task_message(ControlMessage& message) override;
  void on_task_end(const std::string& how) override;
  HeldSegment::Pointer hold(Candidate& candidate, std::string& problem) const;

  std::vector<Candidate> candidates_;
  OnDone on_done_;
  Task task_;
  std::map<std::string, std::vector<std::string>, std::less<>> borrows_;  // of those verified
  std::map<std::string, std::string, std::less<>> errors_;
  Found found_;
};

}  // namespace onecopy::host
