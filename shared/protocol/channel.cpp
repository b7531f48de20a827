#include "shared/protocol/channel.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "shared/base/limits.h"

namespace onecopy {
namespace {

Error channel_error(std::string_view doing) {
  const bool gone = errno == EPIPE || errno == ECONNRESET || errno == ENOTCONN;
  // ETOOMANYREFS: too many descriptors are on their way, until somebody takes some.
  const bool later = errno == EAGAIN || errno == EWOULDBLOCK || errno == ETOOMANYREFS;
  const ErrorCode code = gone    ? ErrorCode::kUnavailable
                         : later ? ErrorCode::kBusy
                                 : ErrorCode::kSystem;
  return Error{code, fmt::format("cannot {} a message: {}", doing, errno_text())};
}

// Takes the descriptor out of the control data; more than one, or another kind, is closed by the
// kernel's truncation (room for just one) or ignored.
UniqueFd received_fd(msghdr& header) {
  for (cmsghdr* c = CMSG_FIRSTHDR(&header); c != nullptr; c = CMSG_NXTHDR(&header, c)) {
    if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(c), sizeof fd);
      return UniqueFd(fd);
    }
  }
  return UniqueFd();
}

}  // namespace

Result<std::pair<UniqueFd, UniqueFd>> make_channel() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return fail(ErrorCode::kSystem, "cannot create a socket pair: {}", errno_text());
  }
  return std::pair{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

Status send_message(int channel, std::span<const std::byte> bytes, int fd) {
  iovec part{const_cast<std::byte*>(bytes.data()), bytes.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  if (fd >= 0) {
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    cmsghdr* c = CMSG_FIRSTHDR(&header);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof fd);
    std::memcpy(CMSG_DATA(c), &fd, sizeof fd);
  }
  while (::sendmsg(channel, &header, MSG_NOSIGNAL) < 0) {
    if (errno != EINTR) return tl::unexpected<Error>(channel_error("send"));
  }
  return {};
}

Result<Message> receive_message(int channel) {
  // Not cleared: most messages have a few bytes.
  std::array<char, limits::kMessageBytes> buffer;  // NOLINT(cppcoreguidelines-pro-type-member-init)
  iovec part{buffer.data(), buffer.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  ssize_t got = 0;
  while ((got = ::recvmsg(channel, &header, MSG_CMSG_CLOEXEC)) < 0) {
    // ECONNRESET says once that the other end closed with messages of ours unread; those that it
    // sent before are still to come, and then the end of file.
    if (errno != EINTR && errno != ECONNRESET)
      return tl::unexpected<Error>(channel_error("receive"));
  }
  Message message;
  message.fd = received_fd(header);
  if (got == 0) return fail(ErrorCode::kUnavailable, "the other process closed the channel");
  if ((header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
    return fail(ErrorCode::kCorrupt, "a message of over {} bytes", limits::kMessageBytes);
  }
  message.bytes.assign(buffer.data(), static_cast<std::size_t>(got));
  return message;
}

}  // namespace onecopy
