// What the instance serves: every model with its versions, which of them is the default, how
// requests are shared out, and the segments that hold them.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "host/registry/held_segment.h"
#include "host/registry/refusal.h"
#include "shared/protocol/registry_snapshot.h"

namespace onecopy::host {

// Class ModelRegistry: the snapshot, and the segments that it names (copies share them). Every
// change makes the snapshot's revision grow; whoever changes it sends the snapshot on. A refused
// change changes nothing. One thread.
class ModelRegistry {
 public:
  const RegistrySnapshot& snapshot() const { return snapshot_; }
  // By name; -1: not there.
  int segment_fd(std::string_view name) const;
  HeldSegment::Pointer segment(std::string_view name) const;  // null: not there
  // All of them, lenders before borrowers.
  const std::vector<HeldSegment::Pointer>& segments() const { return segments_; }
  std::vector<std::uint32_t> versions_of(std::string_view model) const;

  // Takes over what a host that died had: segments in the snapshot's order. Models whose segment is
  // not among them are left out, and named.
  std::vector<std::string> adopt(RegistrySnapshot snapshot,
                                 std::vector<HeldSegment::Pointer> segments);

  // A number that no segment of the instance had before, also none that lies in /dev/shm.
  std::uint64_t take_generation(std::string_view instance);

  // Whether there is room for another version; 409 when it is there already.
  Outcome<void> check_new(std::string_view model, std::uint32_t version) const;
  // The first version of a model becomes its default. Replaces the same version if it is there:
  // its segment goes when nobody borrows from it.
  void put(ModelEntry entry, const HeldSegment::Pointer& segment);

  Outcome<void> remove(std::string_view model, std::uint32_t version);
  // A version that turned out not to serve, even if it is the default.
  void withdraw(std::string_view model, std::uint32_t version);
  Outcome<void> remove_all(std::string_view model);
  Outcome<void> set_default(std::string_view model, std::uint32_t version);
  // No shares: all requests to the default again.
  Outcome<void> set_traffic(const std::string& model, TrafficEntry traffic);
  Outcome<void> set_workers(WorkerCounts workers);
  void set_back_ends(std::string text);

  // The segments' names stay in /dev/shm although we end: others serve them.
  void leave_names() const;

 private:
  Outcome<void> check_version(std::string_view model, std::uint32_t version) const;
  void erase(std::string_view model, std::uint32_t version);
  void collect_segments();
  void changed();

  RegistrySnapshot snapshot_;
  std::map<std::string, HeldSegment::Pointer, std::less<>> own_;  // by the segment's name: models'
  std::vector<HeldSegment::Pointer> segments_;                    // and those they borrow from
};

}  // namespace onecopy::host
