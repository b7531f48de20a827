#include "tools/process_maps.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "shared/names.h"

namespace onecopy::tools {
namespace {

namespace fs = std::filesystem;

std::optional<pid_t> parse_pid(std::string_view text) {
  pid_t pid = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), pid);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return pid;
}

void read_segments(MappingProcess& process) {
  std::ifstream maps(fmt::format("/proc/{}/maps", process.pid));
  for (std::string line; std::getline(maps, line);) {
    bool gone = false;
    const auto segment = segment_of_map_line(line, gone);
    if (segment) (gone ? process.retired : process.segments).insert(*segment);
  }
}

// "Private_Dirty:      12 kB"
void read_memory(MappingProcess& process) {
  std::ifstream rollup(fmt::format("/proc/{}/smaps_rollup", process.pid));
  for (std::string line; std::getline(rollup, line);) {
    std::istringstream fields(line);
    std::string key;
    std::uint64_t kilobytes = 0;
    if (!(fields >> key >> kilobytes)) continue;
    if (key == "Private_Clean:" || key == "Private_Dirty:")
      process.private_bytes += kilobytes * 1024;
    if (key == "Pss:") process.pss_bytes = kilobytes * 1024;
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
    read_segments(process);
    if (process.segments.empty() && process.retired.empty()) continue;
    process.name = read_name(*pid);
    read_memory(process);
    processes.push_back(std::move(process));
  }
  std::ranges::sort(processes, {}, &MappingProcess::pid);
  return processes;
}

}  // namespace onecopy::tools
