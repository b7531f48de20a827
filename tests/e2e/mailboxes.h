// What the gateway has handed to its workers, read from outside.
#pragma once

#include <sys/types.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>
#include <vector>

namespace onecopy::e2e {

// The value `at` so many bytes in each of the gateway's mailboxes (shared/mailbox_format.h), of
// which it has one for each worker; in rising order.
template <class T>
std::vector<T> read_mailboxes(pid_t gateway, std::size_t at) {
  std::vector<T> found;
  for (const auto& fd :
       std::filesystem::directory_iterator("/proc/" + std::to_string(gateway) + "/fd")) {
    std::error_code gone;
    const auto target = std::filesystem::read_symlink(fd, gone).string();
    if (target.find("memfd:onecopy-mailbox") == std::string::npos) continue;
    std::array<char, sizeof(T)> bytes{};
    std::ifstream(fd.path(), std::ios::binary)
        .seekg(static_cast<std::streamoff>(at))
        .read(bytes.data(), bytes.size());
    T value{};
    std::memcpy(&value, bytes.data(), sizeof value);
    found.push_back(value);
  }
  std::ranges::sort(found);
  return found;
}

}  // namespace onecopy::e2e
