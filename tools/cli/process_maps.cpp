#include "tools/cli/process_maps.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "shared/segment/names.h"

namespace onecopy::tools {
namespace {

namespace fs = std::filesystem;

std::optional<pid_t> parse_pid(std::string_view text) {
  pid_t pid = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), pid);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return pid;
}

// "7f12a000-7f12b000 r--s 00000000 00:1a 7  /dev/shm/onecopy:..." begins a mapping; lines such as
// "Private_Dirty:      12 kB" tell of it.
bool begins_mapping(const std::string& line) {
  const std::size_t first_blank = line.find(' ');
  return first_blank != std::string::npos && line[first_blank - 1] != ':';
}

void read_mappings(MappingProcess& process) {
  std::ifstream smaps(fmt::format("/proc/{}/smaps", process.pid));
  bool in_segment = false;
  for (std::string line; std::getline(smaps, line);) {
    if (begins_mapping(line)) {
      bool gone = false;
      const auto segment = segment_of_map_line(line, gone);
      in_segment = segment.has_value();
      if (segment) (gone ? process.retired : process.segments).insert(*segment);
      continue;
    }
    std::istringstream fields(line);
    std::string key;
    std::uint64_t kilobytes = 0;
    if (!(fields >> key >> kilobytes)) continue;
    const bool is_private = key == "Private_Clean:" || key == "Private_Dirty:";
    if (is_private && !in_segment) process.private_bytes += kilobytes * 1024;
    if (key == "Pss:") process.pss_bytes += kilobytes * 1024;
  }
}

std::string read_name(pid_t pid) {
  std::ifstream file(fmt::format("/proc/{}/comm", pid));
  std::string name;
  std::getline(file, name);
  return name;
}

}  // namespace

std::optional<std::string> segment_of_map_line(std::string_view line, bool& gone) {
  constexpr std::string_view kDeleted = " (deleted)";
  const std::string folder = fmt::format(" {}/", kSharedMemoryFolder);
  const std::size_t at = line.find(folder);
  if (at == std::string_view::npos) return std::nullopt;
  std::string_view name = line.substr(at + folder.size());
  gone = name.ends_with(kDeleted);
  if (gone) name.remove_suffix(kDeleted.size());
  if (!parse_segment_name(name)) return std::nullopt;
  return std::string(name);
}

std::vector<MappingProcess> find_mapping_processes() {
  std::vector<MappingProcess> processes;
  std::error_code error;
  for (fs::directory_iterator it("/proc", error), end; !error && it != end; it.increment(error)) {
    MappingProcess process;
    const auto pid = parse_pid(it->path().filename().native());
    if (!pid || *pid == ::getpid()) continue;
    process.pid = *pid;
    read_mappings(process);
    if (process.segments.empty() && process.retired.empty()) continue;
    process.name = read_name(*pid);
    processes.push_back(std::move(process));
  }
  std::ranges::sort(processes, {}, &MappingProcess::pid);
  return processes;
}

}  // namespace onecopy::tools
