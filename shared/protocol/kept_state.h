// What gateway and nursery keep so that an instance survives its host: the listening sockets, the
// segments' descriptors and the registry. The next host takes all of it over from them.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "shared/base/status.h"
#include "shared/base/unique_fd.h"
#include "shared/protocol/control.h"
#include "shared/protocol/control_link.h"
#include "shared/protocol/registry_snapshot.h"

namespace onecopy {

inline constexpr std::string_view kInferencePort = "inference";
inline constexpr std::string_view kManagementPort = "management";

struct KeptListener {
  std::string url;
  UniqueFd fd;
};

// Class KeptState: owns the descriptors. It follows a host's messages, and on the host's side it
// collects what a child hands over. One thread.
class KeptState {
 public:
  // A "listener", "segment" or "registry" message; kCorrupt when it is not as it should be, and
  // then nothing changes. A registry must name segments that came before; descriptors of segments
  // that it no longer names are closed.
  Status keep(ControlMessage& message);
  static bool is_for(const ControlMessage& message);

  // All of it as messages: listeners, segments, the registry where there is one, then "kept".
  void hand_over(ControlLink& link) const;

  const RegistrySnapshot& registry() const { return registry_; }  // revision 0: none yet
  const std::map<std::string, UniqueFd, std::less<>>& segments() const { return segments_; }
  std::map<std::string, KeptListener, std::less<>>& listeners() { return listeners_; }  // by port
  int segment(std::string_view name) const;  // -1: not there

 private:
  Status keep_registry(const ControlMessage& message);
  void drop_unnamed();

  std::map<std::string, KeptListener, std::less<>> listeners_;
  std::map<std::string, UniqueFd, std::less<>> segments_;
  UniqueFd registry_file_;
  RegistrySnapshot registry_;
};

// The messages that carry the parts of a state, from whoever has them.
void send_listener(ControlLink& link, std::string_view port, const std::string& url, int fd);
void send_segment(ControlLink& link, const std::string& name, int fd);
Status send_registry(ControlLink& link, const RegistrySnapshot& registry);

}  // namespace onecopy
