// Which processes map onecopy's segments, from /proc.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace onecopy::tools {

struct MappingProcess {
  pid_t pid = 0;
  std::string name;                 // comm: "onecopy-worker"
  std::uint64_t private_bytes = 0;  // pages that nobody shares, segments' pages left out: those
                                    // are shared even while just one process has touched them
  std::uint64_t pss_bytes = 0;      // private ones, and its part of the shared ones
  std::set<std::string> segments;   // names that exist
  std::set<std::string> retired;    // segments whose name is gone, but whose memory it keeps
};

// Every process that maps a segment, but this one; by pid. Processes that this user may not look
// into are left out.
std::vector<MappingProcess> find_mapping_processes();

// A segment's name from a mapping's line of /proc/PID/maps or smaps; nothing for other mappings.
// `gone` when it was unlinked.
std::optional<std::string> segment_of_map_line(std::string_view line, bool& gone);

}  // namespace onecopy::tools
