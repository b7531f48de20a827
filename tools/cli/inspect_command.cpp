#include "tools/cli/inspect_command.h"

#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <set>

#include "host/supervise/instance_lock.h"
#include "shared/segment/segment_reader.h"
#include "tools/cli/inspect_report.h"

namespace onecopy::tools {
namespace {

void add_tensors(const SegmentContainer& segment, InspectedSegment& out) {
  for (const SegmentContainer::Entry& entry : segment.entries()) {
    const TensorView& view = entry.view;
    out.tensors.push_back({.name = std::string(entry.name),
                           .layout = std::string(to_string(view.layout)),
                           .dtype = std::string(to_string(view.dtype)),
                           .shape = {view.dims.begin(), view.dims.end()},
                           .bytes = view.bytes.size(),
                           .segment = std::string(entry.segment)});
    if (entry.segment != out.full_name) out.borrowed_bytes += view.bytes.size();
  }
}

void add_model(std::string_view metadata, InspectedSegment& out) {
  const auto info = model_info_from_json(metadata);
  if (info) {
    out.task = std::string(to_string(info->task));
    out.precision = std::string(to_string(info->precision));
  } else {
    out.damage = fmt::format("its metadata: {}", info.error().text);
  }
}

// Nothing when the segment was retired since its name was listed.
std::optional<InspectedSegment> inspect_segment(const std::string& full_name,
                                                const SegmentName& name) {
  InspectedSegment out;
  out.full_name = full_name;
  out.name = name;
  const auto segment = SegmentContainer::open(full_name, SegmentCheck::kContents);
  std::error_code error;
  out.bytes = std::filesystem::file_size(shared_memory_path(full_name), error);
  if (error) return std::nullopt;
  if (!segment) {
    out.damage = segment.error().text;
    return out;
  }
  out.kind = std::string(to_string(segment->kind()));
  if (segment->kind() == SegmentKind::kModel) add_model(segment->metadata(), out);
  out.dependencies = segment->dependencies();
  add_tensors(*segment, out);
  return out;
}

void add_processes(InspectReport& report) {
  for (MappingProcess& process : find_mapping_processes()) {
    bool shown = false;
    for (InspectedSegment& segment : report.segments) {
      if (!process.segments.contains(segment.full_name)) continue;
      segment.processes.push_back(process.pid);
      shown = true;
    }
    if (shown) report.processes.push_back(std::move(process));
  }
}

InspectReport inspect(const std::optional<std::string>& instance) {
  InspectReport report;
  for (const std::string& full_name : list_segments(instance)) {
    const auto name = parse_segment_name(full_name);
    if (name->loading) {
      report.loading.push_back(full_name);
    } else if (auto segment = inspect_segment(full_name, *name)) {
      report.segments.push_back(std::move(*segment));
    }
  }
  add_processes(report);
  return report;
}

// Instances that serve although their host is gone.
std::vector<std::string> orphans_text(const InspectReport& report) {
  std::set<std::string> instances;
  for (const InspectedSegment& segment : report.segments) instances.insert(segment.name.instance);
  std::vector<std::string> lines;
  for (const std::string& instance : instances) {
    std::string_view who;
    if (!host::lives(instance, &who) || who == "host") continue;
    lines.push_back(
        fmt::format("instance {}: its host is gone, its {} serves on: onecopy serve takes it over, "
                    "onecopy stop "
                    "ends it",
                    instance, who));
  }
  return lines;
}

std::string nothing_text(const std::optional<std::string>& instance) {
  const std::string what =
      instance ? fmt::format("instance {} has no models", *instance) : "no models are loaded";
  return fmt::format(
      "{} in shared memory here; start a server with: onecopy serve --model NAME=DIR\n", what);
}

}  // namespace

int run_inspect(const std::optional<std::string>& instance, bool json) {
  const InspectReport report = inspect(instance);
  for (const std::string& line : orphans_text(report)) fmt::print(stderr, "{}\n", line);
  const bool empty = report.segments.empty() && report.loading.empty();
  std::string text = json ? to_json(report).dump(2) + '\n' : to_text(report);
  if (empty && !json) text = nothing_text(instance);
  std::fputs(text.c_str(), stdout);
  return report.intact() && !(empty && instance) ? 0 : 1;
}

}  // namespace onecopy::tools
