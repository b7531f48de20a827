#include "host/supervise/listen_socket.h"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <memory>

namespace onecopy::host {
namespace {

constexpr int kBacklog = 512;

Result<std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)>> resolve(const std::string& host,
                                                                     std::uint16_t port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int error = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (error != 0) {
    return fail(ErrorCode::kInvalidArgument, "address {}: {}", host, ::gai_strerror(error));
  }
  return std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)>(found, &::freeaddrinfo);
}

std::string url_of(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  std::array<char, NI_MAXHOST> host{};
  std::array<char, NI_MAXSERV> port{};
  auto* const plain = reinterpret_cast<sockaddr*>(&address);
  if (::getsockname(fd, plain, &size) != 0 ||
      ::getnameinfo(plain, size, host.data(), host.size(), port.data(), port.size(),
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
    return "http://unknown";
  }
  if (address.ss_family == AF_INET6) return fmt::format("http://[{}]:{}", host.data(), port.data());
  return fmt::format("http://{}:{}", host.data(), port.data());
}

}  // namespace

Result<ListenSocket> listen_on(const std::string& host, std::uint16_t port) {
  ASSIGN_OR_RETURN(const auto address, resolve(host, port));
  UniqueFd fd(::socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int on = 1;
  if (!fd || ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
      ::bind(fd.get(), address->ai_addr, address->ai_addrlen) != 0 ||
      ::listen(fd.get(), kBacklog) != 0) {
    const char* advice = errno == EADDRINUSE ? "; choose another port, or 0 for any free one" : "";
    return fail(ErrorCode::kSystem, "cannot listen on {} port {}: {}{}", host, port, errno_text(),
                advice);
  }
  std::string url = url_of(fd.get());
  return ListenSocket{std::move(fd), std::move(url)};
}

bool is_listening_at(int fd, const std::string& host, std::uint16_t port) {
  const auto asked = resolve(host, port);
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (!asked || ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return false;
  // Both kinds of address have the port at the same place; port 0 takes the socket's.
  static_assert(offsetof(sockaddr_in, sin_port) == offsetof(sockaddr_in6, sin6_port));
  sockaddr_storage wanted{};
  std::memcpy(&wanted, (*asked)->ai_addr, (*asked)->ai_addrlen);
  auto& wanted_port = reinterpret_cast<sockaddr_in&>(wanted).sin_port;
  if (port == 0) wanted_port = reinterpret_cast<const sockaddr_in&>(address).sin_port;
  return size == (*asked)->ai_addrlen && std::memcmp(&wanted, &address, size) == 0;
}

}  // namespace onecopy::host
