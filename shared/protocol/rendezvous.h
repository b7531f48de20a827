// Where the processes of an instance find each other: listening sockets in the kernel's abstract
// namespace, which no file system holds, so that nobody can remove one and none outlives its
// process.
//
//   \0onecopy/UID/INSTANCE/host      held by the live host: holding it is the instance's lock
//   \0onecopy/UID/INSTANCE/gateway   where a host finds the gateway, also one that follows a dead one
//   \0onecopy/UID/INSTANCE/nursery   the same for the nursery
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

#include "shared/base/status.h"
#include "shared/base/unique_fd.h"

namespace onecopy {

enum class Role { kHost, kGateway, kNursery };
std::string_view to_string(Role role);  // "host", "gateway", "nursery"

// A listening socket of the current user's instance; closes on exec, does not block. kBusy:
// somebody listens there.
Result<UniqueFd> listen_at(std::string_view instance, Role role);

// The next client that waits at a listening socket: a channel (channel.h) that does not block.
// kBusy: nobody waits. A client of another user, root apart, is refused: kInvalidArgument.
Result<UniqueFd> accept_client(int listener);

// The instance whose rendezvous this is; kInvalidArgument: it is no such socket.
Result<std::string> instance_of(int listener);

// A channel to whoever listens there, which may still have to accept it; does not block. kNotFound:
// nobody does. kInvalidArgument: it is another user's process.
Result<UniqueFd> connect_to(std::string_view instance, Role role);

// The process at the other end of a channel that came about here, as it was when it listened or
// connected.
pid_t peer_process(int channel);

}  // namespace onecopy
