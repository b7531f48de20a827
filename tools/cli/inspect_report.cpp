#include "tools/cli/inspect_report.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

#include "shared/base/format_bytes.h"

namespace onecopy::tools {
namespace {

std::string processes_count(std::size_t count) {
  return fmt::format("{} process{}", count, count == 1 ? "" : "es");
}

using Row = std::vector<std::string>;

// Columns as wide as their widest cell; the first row is the heading.
std::string table(const std::vector<Row>& rows) {
  std::vector<std::size_t> widths(rows.front().size());
  for (const Row& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const Row& row : rows) {
    std::string line = " ";
    for (std::size_t i = 0; i < row.size(); ++i)
      line += fmt::format(" {:<{}}", row[i], widths[i] + 1);
    text += line.substr(0, line.find_last_not_of(' ') + 1) + '\n';
  }
  return text;
}

// How many of each type: "37 f32, 18 s8".
std::string tensors_text(const InspectedSegment& segment) {
  std::map<std::string, std::size_t> counts;
  for (const InspectedTensor& tensor : segment.tensors) ++counts[tensor.dtype];
  std::string text;
  for (const auto& [dtype, count] : counts)
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, dtype);
  return text;
}

std::string segments_text(const InspectReport& report, const std::string& instance) {
  std::vector<Row> rows = {{"MODEL", "VERSION", "KIND", "TASK", "PRECISION", "TENSORS", "SIZE",
                            "BORROWED", "MAPPED BY", "CHECKSUMS"}};
  for (const InspectedSegment& s : report.segments) {
    if (s.name.instance != instance) continue;
    rows.push_back({s.name.model, std::to_string(s.name.version), s.kind, s.task, s.precision,
                    tensors_text(s), format_bytes(s.bytes), format_bytes(s.borrowed_bytes),
                    processes_count(s.processes.size()),
                    s.damage.empty() ? "ok" : "DAMAGED: " + s.damage});
  }
  return table(rows);
}

bool belongs_to(const std::string& segment, const std::string& instance) {
  const auto name = parse_segment_name(segment);
  return name && name->instance == instance;
}

// Models that a process maps, without the instance that they are of.
std::string models_text(const MappingProcess& process, const std::string& instance) {
  std::set<std::string> models;
  for (const std::string& segment : process.segments) {
    if (belongs_to(segment, instance)) models.insert(parse_segment_name(segment)->model);
  }
  const auto retired = std::ranges::count_if(
      process.retired, [&](const std::string& segment) { return belongs_to(segment, instance); });
  std::string text;
  for (const std::string& model : models)
    text += fmt::format("{}{}", text.empty() ? "" : ", ", model);
  if (retired > 0) text += fmt::format("{}{} retired", text.empty() ? "" : ", ", retired);
  return text;
}

std::string processes_text(const InspectReport& report, const std::string& instance) {
  std::vector<Row> rows = {{"PROCESS", "PID", "PRIVATE", "PSS", "MAPS"}};
  for (const MappingProcess& p : report.processes) {
    const std::string models = models_text(p, instance);
    if (models.empty()) continue;
    rows.push_back({p.name, std::to_string(p.pid), format_bytes(p.private_bytes),
                    format_bytes(p.pss_bytes), models});
  }
  return rows.size() == 1 ? "" : table(rows);
}

std::string summary(const InspectReport& report, const std::string& instance) {
  std::uint64_t bytes = 0;
  std::set<pid_t> processes;
  for (const InspectedSegment& s : report.segments) {
    if (s.name.instance != instance) continue;
    bytes += s.bytes;
    processes.insert(s.processes.begin(), s.processes.end());
  }
  return fmt::format("  one copy of the weights: {}, mapped by {}\n", format_bytes(bytes),
                     processes_count(processes.size()));
}

}  // namespace

bool InspectReport::intact() const {
  return std::ranges::all_of(segments, [](const InspectedSegment& s) { return s.damage.empty(); });
}

std::uint64_t InspectReport::bytes() const {
  return std::accumulate(
      segments.begin(), segments.end(), std::uint64_t{0},
      [](std::uint64_t sum, const InspectedSegment& s) { return sum + s.bytes; });
}

Json to_json(const InspectReport& report) {
  Json segments = Json::array();
  for (const InspectedSegment& s : report.segments) {
    Json tensors = Json::array();
    for (const InspectedTensor& t : s.tensors) {
      tensors.push_back({{"name", t.name},
                         {"layout", t.layout},
                         {"dtype", t.dtype},
                         {"shape", t.shape},
                         {"bytes", t.bytes},
                         {"segment", t.segment}});
    }
    segments.push_back({{"name", s.full_name},
                        {"instance", s.name.instance},
                        {"model", s.name.model},
                        {"version", s.name.version},
                        {"generation", s.name.generation},
                        {"kind", s.kind},
                        {"task", s.task},
                        {"precision", s.precision},
                        {"bytes", s.bytes},
                        {"borrowed_bytes", s.borrowed_bytes},
                        {"dependencies", s.dependencies},
                        {"intact", s.damage.empty()},
                        {"damage", s.damage},
                        {"tensor_count", s.tensors.size()},
                        {"tensors", tensors},
                        {"processes", s.processes}});
  }
  Json processes = Json::array();
  for (const MappingProcess& p : report.processes) {
    processes.push_back({{"pid", p.pid},
                         {"name", p.name},
                         {"private_bytes", p.private_bytes},
                         {"pss_bytes", p.pss_bytes},
                         {"segments", p.segments},
                         {"retired", p.retired}});
  }
  return {{"segments", segments},
          {"loading", report.loading},
          {"processes", processes},
          {"bytes", report.bytes()},
          {"intact", report.intact()}};
}

std::string to_text(const InspectReport& report) {
  std::set<std::string> instances;
  for (const InspectedSegment& segment : report.segments) instances.insert(segment.name.instance);
  std::string text;
  for (const std::string& instance : instances) {
    text += fmt::format("instance {}\n{}{}{}", instance, segments_text(report, instance),
                        summary(report, instance), processes_text(report, instance));
  }
  for (const std::string& name : report.loading)
    text += fmt::format("not published yet: {}\n", name);
  return text;
}

}  // namespace onecopy::tools
