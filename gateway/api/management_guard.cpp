#include "gateway/api/management_guard.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <string_view>

#include <fmt/format.h>

#include "gateway/api/json_text.h"
#include "gateway/http/ascii.h"
#include "shared/base/quoted.h"

namespace onecopy::gateway {
namespace {

constexpr std::uint32_t kLoopbackNet = 127;

bool is_loopback_v4(std::uint32_t network_order) {
  return ntohl(network_order) >> 24U == kLoopbackNet;
}

// "localhost:8081", "127.0.0.1", "[::1]:8081"
bool names_loopback(std::string_view host) {
  if (host.starts_with("[::1]")) {
    return host.size() == 5 || host[5] == ':';
  }
  const std::string name(host.substr(0, host.find(':')));
  in_addr address{};
  if (::inet_pton(AF_INET, name.c_str(), &address) == 1) return is_loopback_v4(address.s_addr);
  return equals_ignoring_case(name, "localhost");
}

// "http://localhost:3000"
bool comes_from_loopback(std::string_view origin) {
  const std::size_t scheme_end = origin.find("://");
  return scheme_end != std::string_view::npos && names_loopback(origin.substr(scheme_end + 3));
}

// Takes the same time wherever they differ: a guess must not be told how far it was right.
bool is_same_secret(std::string_view given, std::string_view secret) {
  unsigned difference = given.size() == secret.size() ? 0 : 1;
  for (std::size_t i = 0; i < given.size(); ++i) {
    const auto a = static_cast<unsigned char>(given[i]);
    const auto b = static_cast<unsigned char>(secret[i % secret.size()]);
    difference |= static_cast<unsigned>(a ^ b);
  }
  return difference == 0;
}

bool has_key(const HttpRequest& request, std::string_view key) {
  constexpr std::string_view kScheme = "Bearer ";
  const auto header = request.header("authorization");
  if (!header || !starts_with_ignoring_case(*header, kScheme)) return false;
  return is_same_secret(trimmed(header->substr(kScheme.size())), key);
}

HttpReply refusal(int status, std::string_view why) { return {status, error_body(why), 0, {}}; }

}  // namespace

bool is_loopback_socket(int listener) {
  sockaddr_storage address{};
  socklen_t bytes = sizeof address;
  if (::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &bytes) != 0) return false;
  if (address.ss_family == AF_INET) {
    return is_loopback_v4(reinterpret_cast<const sockaddr_in&>(address).sin_addr.s_addr);
  }
  return address.ss_family == AF_INET6 &&
         IN6_IS_ADDR_LOOPBACK(&reinterpret_cast<const sockaddr_in6&>(address).sin6_addr);
}

std::optional<HttpReply> refuse_management(const ManagementAccess& access,
                                           const HttpRequest& request) {
  if (!access.key) return refusal(503, "the server is starting; retry in a moment");
  if (!access.key->empty() && !has_key(request, *access.key)) {
    HttpReply reply = refusal(401, "management needs its key: send 'Authorization: Bearer KEY'");
    reply.headers.emplace_back("WWW-Authenticate", "Bearer");
    return reply;
  }
  if (!access.is_loopback) {
    if (!access.key->empty()) return std::nullopt;
    return refusal(403, "management is off: it does not listen on loopback and no key is set");
  }
  const auto host = request.header("host");
  if (!host || !names_loopback(*host)) {
    return refusal(403, fmt::format("Host '{}' is not allowed here; use localhost or 127.0.0.1",
                                    shortened(host.value_or(""))));
  }
  const auto origin = request.header("origin");
  if (origin && !comes_from_loopback(*origin)) {
    return refusal(403,
                   fmt::format("pages of '{}' may not manage this server", shortened(*origin)));
  }
  return std::nullopt;
}

}  // namespace onecopy::gateway
