#include "host/control/adoption.h"

#include <fcntl.h>

#include <utility>

#include "shared/base/log.h"

namespace onecopy::host {

void Adoption::keep(Role role, ControlMessage& message) {
  if (!KeptState::is_for(message)) return;
  const Status kept = (role == Role::kGateway ? gateway_ : nursery_).keep(message);
  if (!kept) log_line(kept.error().text, LogLevel::kWarning);
}

// The host gives both the same one after the other; it may have died in between.
KeptState& Adoption::newest() {
  return nursery_.registry().revision > gateway_.registry().revision ? nursery_ : gateway_;
}

std::vector<VerifyJob::Candidate> Adoption::candidates(const RegistrySnapshot& snapshot) const {
  std::vector<VerifyJob::Candidate> list;
  for (const SegmentEntry& entry : snapshot.segments) {
    int fd = gateway_.segment(entry.name);
    if (fd < 0) fd = nursery_.segment(entry.name);
    if (fd < 0) continue;
    list.push_back({entry.name, UniqueFd(::fcntl(fd, F_DUPFD_CLOEXEC, 0))});
  }
  return list;
}

Status Adoption::fill(ModelRegistry& registry,
                      std::function<void(std::vector<std::string>)> on_done) {
  const RegistrySnapshot snapshot = newest().registry();
  verify_ = std::make_shared<VerifyJob>(
      loop_, reaper_, candidates(snapshot),
      [this, &registry, snapshot, tell = std::move(on_done)](VerifyJob::Found found) {
        loop_.dispose(std::exchange(verify_, nullptr));
        std::vector<std::string> lost = std::move(found.bad);
        for (const std::string& model : registry.adopt(snapshot, std::move(found.good))) {
          lost.push_back(fmt::format("model {}: its segment was lost", model));
        }
        tell(std::move(lost));
      });
  return verify_->start();
}

std::optional<ListenSocket> Adoption::take_listener(std::string_view port) {
  for (KeptState* const kept : {&gateway_, &nursery_}) {
    const auto found = kept->listeners().find(port);
    if (found == kept->listeners().end()) continue;
    return ListenSocket{std::move(found->second.fd), std::move(found->second.url)};
  }
  return std::nullopt;
}

}  // namespace onecopy::host
