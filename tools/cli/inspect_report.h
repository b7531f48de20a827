// What `onecopy inspect` found, and its two ways to show it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "shared/base/json.h"
#include "shared/segment/names.h"
#include "tools/cli/process_maps.h"

namespace onecopy::tools {

struct InspectedTensor {
  std::string name;
  std::string layout;
  std::string dtype;
  std::vector<std::uint64_t> shape;
  std::uint64_t bytes = 0;
  std::string segment;  // that holds the bytes
};

struct InspectedSegment {
  std::string full_name;
  SegmentName name;
  std::string damage;  // why it cannot be used; empty when every checksum is right
  std::string kind;
  std::string task;  // empty for another kind than a model, as is the precision
  std::string precision;
  std::uint64_t bytes = 0;           // of the segment
  std::uint64_t borrowed_bytes = 0;  // of tensors that lie in others
  std::vector<std::string> dependencies;
  std::vector<InspectedTensor> tensors;
  std::vector<pid_t> processes;  // that map it
};

struct InspectReport {
  std::vector<InspectedSegment> segments;
  std::vector<std::string> loading;  // names that are not published yet
  std::vector<MappingProcess> processes;

  bool intact() const;
  std::uint64_t bytes() const;  // of all segments: what the weights take, once
};

Json to_json(const InspectReport& report);
// An aligned table for people, one block for each instance.
std::string to_text(const InspectReport& report);

}  // namespace onecopy::tools
