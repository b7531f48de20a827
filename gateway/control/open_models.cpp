#include "gateway/control/open_models.h"

#include <fcntl.h>

#include <utility>

#include "shared/base/log.h"
#include "shared/segment/segment_head.h"

namespace onecopy::gateway {
namespace {

std::optional<TrafficEntry> traffic_of(const RegistrySnapshot& registry, const std::string& name) {
  const auto found = registry.traffic.find(name);
  if (found == registry.traffic.end()) return std::nullopt;
  return found->second;
}

// A version that could not be opened takes no requests: its share goes to the others.
void leave_out_missing(Versions& versions) {
  const auto is_missing = [&](const auto& share) {
    return !versions.by_number.contains(share.first);
  };
  if (!versions.by_number.contains(versions.default_version)) {
    versions.default_version = versions.by_number.rbegin()->first;
  }
  if (!versions.traffic) return;
  std::erase_if(versions.traffic->shares, is_missing);
  std::erase_if(versions.traffic->shadow, is_missing);
  double sum = 0;
  for (const auto& [version, share] : versions.traffic->shares) sum += share;
  if (sum <= 0) versions.traffic.reset();
}

}  // namespace

Result<SegmentFacts> read_segment(const std::string& name, int fd) {
  ASSIGN_OR_RETURN(SegmentHead head, read_segment_head(SegmentFile{name, fd}));
  if (!head.model) return fail(ErrorCode::kUnsupported, "{} is no model's segment", name);
  return SegmentFacts{std::move(*head.model), std::move(head.borrows_from)};
}

std::vector<FailedSegment> OpenModels::apply(const RegistrySnapshot& registry,
                                             const KeptState& kept, ModelCatalogue& catalogue) {
  std::vector<FailedSegment> failed;
  ModelCatalogue::Table table;
  for (const ModelEntry& entry : registry.models) {
    auto model = open(entry, kept, catalogue);
    if (!model) {
      log_line(
          fmt::format("model {} version {}: {}", entry.name, entry.version, model.error().text),
          LogLevel::kError);
      failed.push_back({entry.segment, model.error().text});
      continue;
    }
    table[entry.name].by_number[entry.version] = std::move(*model);
  }
  for (auto& [name, versions] : table) {
    const auto chosen = registry.defaults.find(name);
    if (chosen != registry.defaults.end()) versions.default_version = chosen->second;
    versions.traffic = traffic_of(registry, name);
    leave_out_missing(versions);
  }
  catalogue.replace(std::move(table));
  std::erase_if(segments_, [](const auto& entry) { return entry.second.expired(); });
  return failed;
}

Result<ModelPtr> OpenModels::open(const ModelEntry& entry, const KeptState& kept,
                                  const ModelCatalogue& catalogue) {
  const auto now = catalogue.all().find(entry.name);
  if (now != catalogue.all().end()) {
    const auto same = now->second.by_number.find(entry.version);
    if (same != now->second.by_number.end() && same->second->entry == entry) return same->second;
  }
  const int fd = kept.segment(entry.segment);
  ASSIGN_OR_RETURN(SegmentFacts facts, read_(entry.segment, fd));
  // Not make_shared: a count of its own lets the memory go although a weak pointer is left.
  const std::shared_ptr<Model> model(new Model, [released = released_](Model* gone) {
    (*released)(gone->segment);
    delete gone;
  });
  facts.borrows_from.push_back(entry.segment);
  for (const std::string& name : facts.borrows_from) {
    ASSIGN_OR_RETURN(OpenSegmentPtr file, open_segment(name, kept));
    model->files.push_back(std::move(file));
  }
  model->name = entry.name;
  model->version = entry.version;
  model->segment = entry.segment;
  model->info = std::move(facts.info);
  model->entry = entry;
  return model;
}

Result<OpenSegmentPtr> OpenModels::open_segment(const std::string& name, const KeptState& kept) {
  std::weak_ptr<const OpenSegment>& known = segments_[name];
  if (OpenSegmentPtr open = known.lock()) return open;
  UniqueFd fd(::fcntl(kept.segment(name), F_DUPFD_CLOEXEC, 0));
  if (!fd) {
    return fail(ErrorCode::kSystem, "segment {}: {}", name,
                kept.segment(name) < 0 ? "its descriptor did not come" : errno_text());
  }
  auto segment = std::make_shared<const OpenSegment>(OpenSegment{name, std::move(fd)});
  known = segment;
  return segment;
}

}  // namespace onecopy::gateway
