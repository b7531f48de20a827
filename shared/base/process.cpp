#include "shared/base/process.h"

#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <system_error>

namespace onecopy {
namespace {

std::array<char, 16> process_name{};

}  // namespace

void set_process_name(std::string_view name, char** argv) {
  process_name.fill(0);
  name.copy(process_name.data(), process_name.size() - 1);
  ::prctl(PR_SET_NAME, process_name.data());
  // ps reads the arguments where the kernel put them: there is just the room of the old ones.
  char* last = argv[0];
  for (char** argument = argv; *argument != nullptr; ++argument)
    last = *argument + std::strlen(*argument);
  const auto room = static_cast<std::size_t>(last - argv[0]);
  std::memset(argv[0], 0, room);
  name.copy(argv[0], room);
}

std::filesystem::path program_folder() {
  std::error_code ignored;  // without /proc: the caller's attempt to start a program will say so
  return std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path();
}

std::string how_it_ended(int status) {
  if (WIFSIGNALED(status)) return fmt::format("killed by signal {}", WTERMSIG(status));
  return fmt::format("exit code {}", WEXITSTATUS(status));
}

void log_line(std::string_view text) {
  const std::string line =
      fmt::format("{}: {}\n", process_name[0] != 0 ? process_name.data() : "onecopy", text);
  // One write, so that lines of different processes do not mix. Nobody is left to tell of a
  // failure.
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace onecopy
