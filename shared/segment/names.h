// The names in /dev/shm: those of segments. Nothing else of onecopy has a name there.
//
//   onecopy:INSTANCE:MODEL:VERSION:GENERATION           a published segment
//   onecopy:INSTANCE:MODEL:VERSION:GENERATION.loading   one that is still being written
//
// INSTANCE and MODEL are 1 to 64 of the characters A-Z a-z 0-9 . _ -. A generation is never used
// twice by one host, so a name never means two contents while anybody may still map the first.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace onecopy {

inline constexpr std::string_view kSharedMemoryFolder = "/dev/shm";
// What the name of a segment ends in while it is written.
inline constexpr std::string_view kLoadingSuffix = ".loading";

struct SegmentName {
  std::string instance;
  std::string model;
  std::uint32_t version = 1;
  std::uint64_t generation = 0;
  bool loading = false;
  bool operator==(const SegmentName&) const = default;
};

// Whether this can be an instance's or a model's name; kNameRule is what errors say of it.
inline constexpr std::string_view kNameRule = "a name is 1 to 64 of A-Z a-z 0-9 . _ -";
bool is_valid_name(std::string_view name);

std::string format_segment_name(const SegmentName& name);
// Nothing unless formatting the result would give `text` again.
std::optional<SegmentName> parse_segment_name(std::string_view text);

// Names of all segments there are, of every instance or of one, unpublished ones included; sorted.
std::vector<std::string> list_segments(std::optional<std::string_view> instance = std::nullopt);
// Instances that have a segment; sorted.
std::vector<std::string> list_instances();

// Where a name lies in the file system.
std::string shared_memory_path(std::string_view name);

}  // namespace onecopy
