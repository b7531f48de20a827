// Messages of a host to those who keep its state.
#pragma once

#include <string>
#include <vector>

#include "shared/base/memory_file.h"
#include "shared/protocol/kept_state.h"

namespace onecopy {

inline constexpr const char* kSegmentA = "onecopy:test:a:1:1";
inline constexpr const char* kSegmentB = "onecopy:test:b:1:2";

inline ControlMessage listener_message(const std::string& port) {
  return {"listener",
          {{"type", "listener"}, {"port", port}, {"url", "http://127.0.0.1:1/" + port}},
          make_memory_file("test", port).value()};
}

// The descriptor's file holds the name, so that a test sees which it is.
inline ControlMessage segment_message(const std::string& name) {
  return {"segment", {{"type", "segment"}, {"name", name}}, make_memory_file("test", name).value()};
}

inline RegistrySnapshot registry_of(std::uint64_t revision,
                                    const std::vector<std::string>& segments) {
  RegistrySnapshot registry;
  registry.revision = revision;
  for (const std::string& name : segments) registry.segments.push_back({name, 100});
  return registry;
}

inline ControlMessage registry_message(const RegistrySnapshot& registry) {
  return {"registry",
          {{"type", "registry"}, {"revision", registry.revision}},
          make_memory_file("test", to_json_text(registry)).value()};
}

inline Status keep(KeptState& kept, ControlMessage message) { return kept.keep(message); }

}  // namespace onecopy
