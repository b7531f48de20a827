#include "shared/base/log.h"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <climits>
#include <string>

#include "shared/base/limits.h"
#include "shared/base/process.h"
#include "shared/base/quoted.h"
#include "shared/base/unique_fd.h"

namespace onecopy {
namespace {

// A pipe takes so many bytes as a whole or not at all: lines of different processes never mix.
// 256: for all that stands around the text.
static_assert(limits::kLogTextBytes + limits::kNameBytes + 256 <= PIPE_BUF);

std::array<char, limits::kNameBytes + 1> log_instance{};
std::atomic<std::uint64_t> dropped_lines{0};

constexpr std::string_view name_of(LogLevel level) {
  switch (level) {
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarning:
      return "warning";
    default:
      return "error";
  }
}

std::string format_line(std::string_view text, LogLevel level, std::uint64_t dropped) {
  using std::chrono::system_clock;
  const auto now = std::chrono::floor<std::chrono::milliseconds>(system_clock::now());
  std::string line = fmt::format(
      "{:%Y-%m-%dT%H:%M:%S}.{:03}Z {} {}[{}]{}{}: {}", fmt::gmtime(system_clock::to_time_t(now)),
      now.time_since_epoch().count() % 1000, name_of(level), process_name(), ::getpid(),
      log_instance[0] != 0 ? " " : "", log_instance.data(), shortened(text, limits::kLogTextBytes));
  if (dropped != 0) {
    line +=
        fmt::format(" [{} lines before this one were dropped: standard error was full]", dropped);
  }
  line += '\n';
  return line;
}

bool write_all(int fd, std::string_view line) {
  return ::write(fd, line.data(), line.size()) == static_cast<ssize_t>(line.size());
}

// Whether all of the line was taken. O_NONBLOCK on standard error itself would change it for every
// process that shares it, so each kind of file has a way of its own.
bool write_at_once(std::string_view line) {
  struct stat info {};
  if (::fstat(STDERR_FILENO, &info) != 0) return false;
  if (S_ISSOCK(info.st_mode)) {
    return ::send(STDERR_FILENO, line.data(), line.size(), MSG_DONTWAIT | MSG_NOSIGNAL) ==
           static_cast<ssize_t>(line.size());
  }
  if (S_ISFIFO(info.st_mode) || S_ISCHR(info.st_mode)) {
    // Opened again, the pipe or terminal is non-blocking for us alone.
    const UniqueFd own(
        ::open("/proc/self/fd/2", O_WRONLY | O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    if (own) return write_all(own.get(), line);
    // Another user's pipe, or no descriptor left. Between poll and write another process may take
    // the room, but then it was the last of 64 KiB.
    pollfd room{STDERR_FILENO, POLLOUT, 0};
    if (::poll(&room, 1, 0) != 1 || room.revents != POLLOUT) return false;
  }
  return write_all(STDERR_FILENO, line);
}

}  // namespace

void log_line(std::string_view text, LogLevel level) {
  const std::uint64_t dropped = dropped_lines.exchange(0);
  if (!write_at_once(format_line(text, level, dropped))) dropped_lines += dropped + 1;
}

void set_log_instance(std::string_view instance) {
  log_instance.fill(0);
  instance.copy(log_instance.data(), limits::kNameBytes);
}

}  // namespace onecopy
