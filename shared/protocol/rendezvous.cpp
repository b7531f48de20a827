#include "shared/protocol/rendezvous.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>

#include "shared/base/text_parts.h"
#include "shared/segment/names.h"

namespace onecopy {
namespace {

constexpr int kBacklog = 16;
constexpr auto kPathAt = offsetof(sockaddr_un, sun_path);

struct Address {
  sockaddr_un name{};
  socklen_t bytes = 0;
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&name); }
};

// The leading zero byte makes the name abstract; it is not terminated.
Address address_of(std::string_view instance, Role role) {
  const std::string text = fmt::format("onecopy/{}/{}/{}", ::getuid(), instance, to_string(role));
  Address address;
  address.name.sun_family = AF_UNIX;
  const std::size_t bytes = std::min(text.size(), sizeof address.name.sun_path - 1);
  std::memcpy(address.name.sun_path + 1, text.data(), bytes);
  address.bytes = static_cast<socklen_t>(kPathAt + 1 + bytes);
  return address;
}

Result<UniqueFd> make_socket() {
  UniqueFd fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return fail(ErrorCode::kSystem, "cannot create a socket: {}", errno_text());
  return fd;
}

bool credentials_of(int channel, ucred& credentials) {
  socklen_t bytes = sizeof credentials;
  return ::getsockopt(channel, SOL_SOCKET, SO_PEERCRED, &credentials, &bytes) == 0;
}

// The name says whose it should be, but anybody may take a name.
Status check_peer(int channel) {
  ucred peer{};
  if (!credentials_of(channel, peer)) {
    return fail(ErrorCode::kSystem, "cannot tell who is at the other end: {}", errno_text());
  }
  if (peer.uid == ::getuid() || peer.uid == 0) return {};
  return fail(ErrorCode::kInvalidArgument,
              "process {} of user {} is at the other end, not one of user {}", peer.pid, peer.uid,
              ::getuid());
}

}  // namespace

std::string_view to_string(Role role) {
  switch (role) {
    case Role::kHost:
      return "host";
    case Role::kGateway:
      return "gateway";
    case Role::kNursery:
      return "nursery";
  }
  return "unknown";
}

Result<UniqueFd> listen_at(std::string_view instance, Role role) {
  ASSIGN_OR_RETURN(UniqueFd fd, make_socket());
  const Address address = address_of(instance, role);
  if (::bind(fd.get(), address.get(), address.bytes) != 0) {
    const ErrorCode code = errno == EADDRINUSE ? ErrorCode::kBusy : ErrorCode::kSystem;
    return fail(code, "instance {}: cannot listen for its {}: {}", instance, to_string(role),
                errno_text());
  }
  if (::listen(fd.get(), kBacklog) != 0) {
    return fail(ErrorCode::kSystem, "instance {}: cannot listen: {}", instance, errno_text());
  }
  return fd;
}

Result<std::string> instance_of(int listener) {
  int listens = 0;
  socklen_t flag_bytes = sizeof listens;
  Address address;
  address.bytes = sizeof address.name;
  if (::getsockopt(listener, SOL_SOCKET, SO_ACCEPTCONN, &listens, &flag_bytes) == 0 &&
      listens != 0 &&
      ::getsockname(listener, reinterpret_cast<sockaddr*>(&address.name), &address.bytes) == 0 &&
      address.bytes > kPathAt + 1) {
    std::string_view name(address.name.sun_path + 1, address.bytes - kPathAt - 1);
    if (take_part(name, '/') == "onecopy" && !take_part(name, '/').empty()) {
      if (const auto instance = take_part(name, '/'); is_valid_name(instance)) {
        return std::string(instance);
      }
    }
  }
  return fail(ErrorCode::kInvalidArgument, "descriptor {} is no rendezvous of an instance",
              listener);
}

Result<UniqueFd> accept_client(int listener) {
  UniqueFd client(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!client) {
    const bool nobody =
        errno == EAGAIN || errno == EWOULDBLOCK || errno == ECONNABORTED || errno == EINTR;
    return fail(nobody ? ErrorCode::kBusy : ErrorCode::kSystem, "cannot accept: {}", errno_text());
  }
  RETURN_IF_ERROR(check_peer(client.get()));
  return client;
}

Result<UniqueFd> connect_to(std::string_view instance, Role role) {
  ASSIGN_OR_RETURN(UniqueFd fd, make_socket());
  const Address address = address_of(instance, role);
  if (::connect(fd.get(), address.get(), address.bytes) != 0) {
    const bool nobody = errno == ECONNREFUSED || errno == ENOENT;
    return fail(nobody ? ErrorCode::kNotFound : ErrorCode::kSystem,
                "instance {}: cannot reach its {}: {}", instance, to_string(role), errno_text());
  }
  RETURN_IF_ERROR(check_peer(fd.get()));
  return fd;
}

pid_t peer_process(int channel) {
  ucred peer{};
  return credentials_of(channel, peer) ? peer.pid : -1;
}

}  // namespace onecopy
