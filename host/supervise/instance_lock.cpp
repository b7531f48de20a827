#include "host/supervise/instance_lock.h"

#include <unistd.h>

#include <algorithm>

#include "shared/protocol/rendezvous.h"
#include "shared/segment/names.h"

namespace onecopy::host {

Result<UniqueFd> lock_instance(const std::string& instance) {
  auto lock = listen_at(instance, Role::kHost);
  if (lock || lock.error().code != ErrorCode::kBusy) return lock;
  const auto winner = connect_to(instance, Role::kHost);
  const std::string process = winner ? std::to_string(peer_process(winner->get())) : "unknown";
  return fail(ErrorCode::kBusy,
              "instance {} is already running (process {}); stop it or choose another --instance "
              "NAME",
              instance, process);
}

bool lives(const std::string& instance, std::string_view* which) {
  for (const Role role : {Role::kHost, Role::kGateway, Role::kNursery}) {
    const auto channel = connect_to(instance, role);
    // Another user's, or one that has no room: somebody is there.
    if (!channel && channel.error().code == ErrorCode::kNotFound) continue;
    if (which != nullptr) *which = to_string(role);
    return true;
  }
  return false;
}

std::size_t remove_leftovers(const std::string& instance, const std::vector<std::string>& kept) {
  std::vector<std::string> names = list_segments(instance);
  std::erase_if(
      names, [&](const std::string& name) { return std::ranges::find(kept, name) != kept.end(); });
  for (const std::string& name : names) ::unlink(shared_memory_path(name).c_str());
  return names.size();
}

}  // namespace onecopy::host
