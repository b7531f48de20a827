#include "shared/protocol/kept_state.h"

#include <fcntl.h>

#include <set>
#include <utility>

#include "shared/base/limits.h"
#include "shared/base/memory_file.h"
#include "shared/segment/names.h"

namespace onecopy {

bool KeptState::is_for(const ControlMessage& message) {
  return message.type == "listener" || message.type == "segment" || message.type == "registry";
}

Status KeptState::keep(ControlMessage& message) {
  if (!message.fd)
    return fail(ErrorCode::kCorrupt, "{}: it came without a descriptor", message.type);
  if (message.type == "registry") return keep_registry(message);
  if (message.type == "listener") {
    ASSIGN_OR_RETURN(const std::string port, text_field(message.body, "port"));
    if (port != kInferencePort && port != kManagementPort) {
      return fail(ErrorCode::kCorrupt, "listener: no port is called '{}'", port);
    }
    ASSIGN_OR_RETURN(std::string url, text_field(message.body, "url"));
    listeners_[port] = {std::move(url), std::move(message.fd)};
    return {};
  }
  ASSIGN_OR_RETURN(const std::string name, text_field(message.body, "name"));
  if (!parse_segment_name(name)) {
    return fail(ErrorCode::kCorrupt, "segment: '{}' is no segment's name", name);
  }
  segments_[name] = std::move(message.fd);
  return {};
}

Status KeptState::keep_registry(const ControlMessage& message) {
  ASSIGN_OR_RETURN(const std::string text,
                   read_memory_file(message.fd.get(), limits::kSnapshotBytes));
  ASSIGN_OR_RETURN(RegistrySnapshot registry, snapshot_from_json(text));
  for (const SegmentEntry& segment : registry.segments) {
    if (!segments_.contains(segment.name)) {
      return fail(ErrorCode::kCorrupt, "registry: segment {} did not come before it", segment.name);
    }
  }
  registry_ = std::move(registry);
  registry_file_ = UniqueFd(::fcntl(message.fd.get(), F_DUPFD_CLOEXEC, 0));
  drop_unnamed();
  return {};
}

void KeptState::drop_unnamed() {
  std::set<std::string_view> named;
  for (const SegmentEntry& segment : registry_.segments) named.insert(segment.name);
  std::erase_if(segments_, [&](const auto& entry) { return !named.contains(entry.first); });
}

void KeptState::hand_over(ControlLink& link) const {
  for (const auto& [port, listener] : listeners_) {
    send_listener(link, port, listener.url, listener.fd.get());
  }
  for (const auto& [name, fd] : segments_) send_segment(link, name, fd.get());
  if (registry_file_) {
    link.send({{"type", "registry"}, {"revision", registry_.revision}}, registry_file_.get());
  }
  link.send({{"type", "kept"}});
}

int KeptState::segment(std::string_view name) const {
  const auto found = segments_.find(name);
  return found == segments_.end() ? -1 : found->second.get();
}

void send_listener(ControlLink& link, std::string_view port, const std::string& url, int fd) {
  link.send({{"type", "listener"}, {"port", port}, {"url", url}}, fd);
}

void send_segment(ControlLink& link, const std::string& name, int fd) {
  link.send({{"type", "segment"}, {"name", name}}, fd);
}

Status send_registry(ControlLink& link, const RegistrySnapshot& registry) {
  ASSIGN_OR_RETURN(const UniqueFd file,
                   make_memory_file("onecopy-registry", to_json_text(registry)));
  link.send({{"type", "registry"}, {"revision", registry.revision}}, file.get());
  return {};
}

}  // namespace onecopy
