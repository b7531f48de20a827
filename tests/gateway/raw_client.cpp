#include "tests/gateway/raw_client.h"

#include <arpa/inet.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <thread>

namespace onecopy::gateway {

std::string RawReply::header(std::string_view name) const {
  const std::size_t at = head.find(fmt::format("\r\n{}: ", name));
  if (at == std::string::npos) return {};
  const std::size_t start = at + 4 + name.size();
  return head.substr(start, head.find("\r\n", start) - start);
}

RawClient::RawClient(std::uint16_t port)
    : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const timeval limit{30, 0};
  const int yes = 1;
  ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::setsockopt(socket_.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  ::setsockopt(socket_.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  if (::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    socket_.reset();
  }
}

bool RawClient::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

bool RawClient::read_more() {
  std::array<char, 65536> buffer;
  const ssize_t n = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
  if (n <= 0) return false;
  input_.append(buffer.data(), static_cast<std::size_t>(n));
  return true;
}

RawReply RawClient::read_reply(bool to_head) {
  std::size_t head_end = 0;
  while ((head_end = input_.find("\r\n\r\n")) == std::string::npos) {
    if (!read_more()) return {};
  }
  RawReply reply;
  reply.head = input_.substr(0, head_end + 2);
  reply.status = std::atoi(reply.head.substr(9, 3).c_str());
  input_.erase(0, head_end + 4);
  if (reply.status == 100) return reply;
  const std::size_t length =
      to_head ? 0 : std::strtoul(reply.header("Content-Length").c_str(), nullptr, 10);
  while (input_.size() < length) {
    if (!read_more()) return {};
  }
  reply.body = input_.substr(0, length);
  input_.erase(0, length);
  return reply;
}

bool RawClient::ended() {
  std::array<char, 4096> buffer;
  const ssize_t n = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
  return n == 0 || (n < 0 && errno == ECONNRESET);
}

void wait_until_sent(int socket) {
  int left = 1;
  while (::ioctl(socket, SIOCOUTQ, &left) == 0 && left > 0) std::this_thread::yield();
}

void RawClient::wait_until_delivered() const { wait_until_sent(socket_.get()); }

void RawClient::close() {
  finish_sending();
  wait_until_delivered();
  socket_.reset();
}

void RawClient::finish_sending() { ::shutdown(socket_.get(), SHUT_WR); }

RawReply RawClient::get(std::string_view target, std::string_view headers) {
  if (!send(get_request(target, headers))) return {};
  return read_reply();
}

RawReply RawClient::post(std::string_view target, std::string_view body, std::string_view headers) {
  if (!send(post_request(target, body, headers))) return {};
  return read_reply();
}

std::string get_request(std::string_view target, std::string_view headers) {
  return fmt::format("GET {} HTTP/1.1\r\nHost: t\r\n{}\r\n", target, headers);
}

std::string post_request(std::string_view target, std::string_view body, std::string_view headers) {
  return fmt::format("POST {} HTTP/1.1\r\nHost: t\r\nContent-Length: {}\r\n{}\r\n{}", target,
                     body.size(), headers, body);
}

}  // namespace onecopy::gateway
