// One live host per instance name.
#pragma once

#include <string>
#include <vector>

#include "shared/base/status.h"
#include "shared/base/unique_fd.h"

namespace onecopy::host {

// Takes the instance for this process: the host's listening socket of the rendezvous
// (shared/protocol/rendezvous.h), which the kernel frees when the process ends, however it does.
// kBusy when a live host has it; the text names that process.
Result<UniqueFd> lock_instance(const std::string& instance);

// Whether one of its processes lives: connecting to it works. Those that only look must not greet.
bool lives(const std::string& instance, std::string_view* which = nullptr);

// Removes every segment name of the instance but `kept`; returns how many. Only for whoever holds
// the lock of an instance of which nothing else lives, or knows all that is served.
std::size_t remove_leftovers(const std::string& instance, const std::vector<std::string>& kept);

}  // namespace onecopy::host
