#include "shared/base/cpu_count.h"

#include <sched.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iterator>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "shared/base/limits.h"
#include "shared/base/small_file.h"

namespace onecopy {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> words_of(const std::string& text, char separator) {
  std::vector<std::string> words;
  std::istringstream in(text);
  for (std::string word; std::getline(in, word, separator);) words.push_back(word);
  return words;
}

std::optional<double> number_of(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || (end != text.data() + text.size() && *end != '\n')) {
    return std::nullopt;
  }
  return value;
}

std::optional<double> ratio(std::optional<double> quota, std::optional<double> period) {
  if (!quota || !period || !(*quota > 0) || !(*period > 0)) return std::nullopt;
  return *quota / *period;
}

std::optional<double> lower(std::optional<double> a, std::optional<double> b) {
  return a && b ? std::min(*a, *b) : a ? a : b;
}

// A hierarchy that may limit processor time: cgroup v2, or v1's with the controller "cpu".
struct Mount {
  bool v2;
  std::string group;  // that lies at the mount's point; others are below it
  fs::path point;
};

// A line of mountinfo: "36 35 98:0 /group /point options [...] - type source superoptions".
std::optional<Mount> parse_mount(const std::string& line) {
  const auto words = words_of(line, ' ');
  const auto dash = std::find(words.begin(), words.end(), "-");
  if (words.size() < 5 || std::distance(dash, words.end()) < 4) return std::nullopt;
  const auto options = words_of(dash[3], ',');
  const bool v2 = dash[1] == "cgroup2";
  const bool v1 = dash[1] == "cgroup" && std::ranges::find(options, "cpu") != options.end();
  if (!v1 && !v2) return std::nullopt;
  return Mount{v2, words[3], words[4]};
}

// This process's group in the hierarchy, from lines "ID:controllers:/group" (v2: "0::/group").
std::optional<std::string> group_in(const Mount& mount, const std::string& groups) {
  for (const std::string& line : words_of(groups, '\n')) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const auto controllers = words_of(line.substr(first + 1, second - first - 1), ',');
    const bool is_v1_cpu = std::ranges::find(controllers, "cpu") != controllers.end();
    if (mount.v2 ? controllers.empty() : is_v1_cpu) return line.substr(second + 1);
  }
  return std::nullopt;
}

// The way from the mount's point down to the group. A container sees its own group at that point,
// whatever the group is called outside.
fs::path way_down(const Mount& mount, const std::string& group) {
  const fs::path way = fs::path(group).lexically_normal().lexically_relative(mount.group);
  return way.empty() || *way.begin() == ".." ? fs::path() : way;
}

std::optional<double> limit_in(const fs::path& folder, bool v2) {
  if (v2) return cores_of_cpu_max(read_kernel_file(folder / "cpu.max"));
  return cores_of_cfs_quota(read_kernel_file(folder / "cpu.cfs_quota_us"),
                            read_kernel_file(folder / "cpu.cfs_period_us"));
}

std::optional<double> limit_of(const fs::path& root, const Mount& mount, const std::string& group) {
  fs::path folder = root / mount.point.relative_path();
  std::optional<double> limit = limit_in(folder, mount.v2);
  for (const fs::path& part : way_down(mount, group)) {
    folder /= part;
    limit = lower(limit, limit_in(folder, mount.v2));
  }
  return limit;
}

unsigned affinity_count() {
  struct Free {
    void operator()(cpu_set_t* set) const { CPU_FREE(set); }
  };
  // The kernel refuses a set with room for fewer cores than it was built for.
  for (unsigned cores = CPU_SETSIZE; cores <= 64 * CPU_SETSIZE; cores *= 2) {
    const std::unique_ptr<cpu_set_t, Free> set(CPU_ALLOC(cores));
    const std::size_t bytes = CPU_ALLOC_SIZE(cores);
    if (set == nullptr) break;
    if (::sched_getaffinity(0, bytes, set.get()) == 0) {
      return static_cast<unsigned>(CPU_COUNT_S(bytes, set.get()));
    }
  }
  return 1;
}

}  // namespace

std::optional<double> cores_of_cpu_max(std::string_view text) {
  const std::size_t space = text.find(' ');
  if (space == std::string_view::npos) return std::nullopt;
  return ratio(number_of(text.substr(0, space)), number_of(text.substr(space + 1)));
}

std::optional<double> cores_of_cfs_quota(std::string_view quota, std::string_view period) {
  return ratio(number_of(quota), number_of(period));
}

std::optional<double> cgroup_cores(const fs::path& root) {
  const std::string groups = read_kernel_file(root / "proc/self/cgroup");
  std::optional<double> limit;
  for (const std::string& line : words_of(read_kernel_file(root / "proc/self/mountinfo"), '\n')) {
    const auto mount = parse_mount(line);
    const auto group = mount ? group_in(*mount, groups) : std::nullopt;
    if (group) limit = lower(limit, limit_of(root, *mount, *group));
  }
  return limit;
}

unsigned cores_of(unsigned affinity, std::optional<double> quota) {
  const double most = std::min<double>(affinity, limits::kCores);
  return static_cast<unsigned>(std::max(1.0, std::min(most, std::ceil(quota.value_or(most)))));
}

unsigned usable_cores() { return cores_of(affinity_count(), cgroup_cores("/")); }

}  // namespace onecopy
