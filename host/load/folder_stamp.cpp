#include "host/load/folder_stamp.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <system_error>
#include <vector>

#include "shared/base/checksum.h"

namespace onecopy::host {
namespace {

constexpr std::size_t kMostFiles = 1000;  // a model folder has about ten

void add_files(const std::filesystem::path& folder, std::string& text) {
  std::vector<std::string> lines;
  std::error_code error;
  std::filesystem::recursive_directory_iterator it(folder, error);
  for (const std::filesystem::recursive_directory_iterator end;
       !error && it != end && lines.size() < kMostFiles; it.increment(error)) {
    struct stat facts {};
    if (::stat(it->path().c_str(), &facts) != 0) continue;
    lines.push_back(fmt::format("{} {} {}.{} {}\n", it->path().string(), facts.st_size,
                                facts.st_mtim.tv_sec, facts.st_mtim.tv_nsec, facts.st_ino));
  }
  std::ranges::sort(lines);
  for (const std::string& line : lines) text += line;
}

}  // namespace

std::string folder_stamp(const std::filesystem::path& folder,
                         const std::optional<std::filesystem::path>& adapter) {
  std::string text;
  add_files(folder, text);
  if (adapter) add_files(*adapter, text);
  const Hash128 hash = content_hash(std::as_bytes(std::span(text)));
  return fmt::format("{:016x}{:016x}", hash.high, hash.low);
}

}  // namespace onecopy::host
