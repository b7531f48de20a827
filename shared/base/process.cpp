#include "shared/base/process.h"

#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <cstring>
#include <system_error>
#include <vector>

namespace onecopy {
namespace {

std::array<char, 16> name_of_process{};

char** arguments = nullptr;  // main's

}  // namespace

void set_process_name(std::string_view name, char** argv) {
  arguments = argv;
  name_of_process.fill(0);
  name.copy(name_of_process.data(), name_of_process.size() - 1);
  ::prctl(PR_SET_NAME, name_of_process.data());
  // ps reads the arguments where the kernel put them: there is just the room of the old ones.
  char* last = argv[0];
  for (char** argument = argv; *argument != nullptr; ++argument)
    last = *argument + std::strlen(*argument);
  const auto room = static_cast<std::size_t>(last - argv[0]);
  std::memset(argv[0], 0, room);
  name.copy(argv[0], room);
}

void set_process_name(std::string_view name) {
  if (arguments != nullptr) set_process_name(name, arguments);
}

std::string_view process_name() {
  return name_of_process[0] != 0 ? name_of_process.data() : "onecopy";
}

std::filesystem::path program_folder() {
  std::error_code ignored;  // without /proc: the caller's attempt to start a program will say so
  return std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path();
}

std::string how_it_ended(int status) {
  if (WIFSIGNALED(status)) return fmt::format("killed by signal {}", WTERMSIG(status));
  return fmt::format("exit code {}", WEXITSTATUS(status));
}

void close_descriptors_except(std::span<const int> kept) {
  std::vector<int> stay(kept.begin(), kept.end());
  std::sort(stay.begin(), stay.end());
  unsigned next = STDERR_FILENO + 1;
  for (const int fd : stay) {
    const auto number = static_cast<unsigned>(fd);
    if (fd < 0 || number < next) continue;
    if (number > next) ::close_range(next, number - 1, 0);
    next = number + 1;
  }
  ::close_range(next, UINT_MAX, 0);
}

}  // namespace onecopy
