#include "host/control/config_changes.h"

#include <algorithm>
#include <filesystem>

#include "host/load/folder_stamp.h"

namespace onecopy::host {
namespace {

// The next host may be started in another folder.
std::filesystem::path fixed(const std::filesystem::path& path) {
  std::error_code error;
  const auto absolute = std::filesystem::absolute(path, error);
  return (error ? path : absolute).lexically_normal();
}

ModelSource fixed(ModelSource source) {
  source.folder = fixed(source.folder);
  if (source.adapter) source.adapter = fixed(*source.adapter);
  return source;
}

bool is_as_asked(const ModelEntry& entry, const ModelSource& source) {
  return entry.folder == source.folder.string() &&
         entry.adapter == (source.adapter ? source.adapter->string() : "") &&
         entry.requested_precision == to_string(source.precision) &&
         entry.stamp == folder_stamp(source.folder, source.adapter);
}

}  // namespace

ConfigChanges plan_changes(const RegistrySnapshot& served, const std::vector<ModelSource>& asked) {
  ConfigChanges changes;
  for (const ModelSource& given : asked) {
    ModelSource source = fixed(given);
    const ModelEntry* const entry = served.find(source.name, source.version);
    if (entry == nullptr) {
      changes.load.push_back({std::move(source), "config", false});
    } else if (entry->origin != "config") {
      changes.notes.push_back(fmt::format("{}:{} was registered by a request and stays as it is",
                                          entry->name, entry->version));
    } else if (!is_as_asked(*entry, source)) {
      changes.load.push_back({std::move(source), "config", true});
    }
  }
  for (const ModelEntry& entry : served.models) {
    const bool is_asked = std::ranges::any_of(asked, [&](const ModelSource& source) {
      return source.name == entry.name && source.version == entry.version;
    });
    if (!is_asked && entry.origin == "config") changes.remove.push_back(entry);
  }
  return changes;
}

std::vector<std::string> needs_restart(const ServeOptions& before, const ServeOptions& after) {
  std::vector<std::string> lines;
  const auto compare = [&](const char* key, const auto& old_value, const auto& new_value) {
    if (old_value == new_value) return;
    lines.push_back(fmt::format("{}: {} stays until onecopy is started anew", key, old_value));
  };
  compare("host", before.host, after.host);
  compare("port", before.port, after.port);
  compare("management-host", before.management_host, after.management_host);
  compare("management-port", before.management_port, after.management_port);
  compare("instance", before.instance, after.instance);
  compare("answer-cache-mb", before.answer_cache_mb, after.answer_cache_mb);
  compare("orphans", std::string(before.orphans_end ? "end" : "keep"),
          std::string(after.orphans_end ? "end" : "keep"));
  return lines;
}

}  // namespace onecopy::host
