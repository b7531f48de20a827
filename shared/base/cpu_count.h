// How many cores this process may use. The machine's number is not the answer: an operator or a
// container pins processes to some cores (affinity), and control groups limit their time.
#pragma once

#include <filesystem>
#include <optional>
#include <string_view>

namespace onecopy {

// The cores of this process's affinity, at most what its control groups' quota comes to (rounded
// up), at most limits::kCores, at least 1. Reads /proc and /sys, for some ten microseconds; any
// thread.
unsigned usable_cores();

// ---- its parts, for tests ----

// Cores that "cpu.max" of cgroup v2 allows ("150000 100000": 1.5); nothing: no limit, or malformed.
std::optional<double> cores_of_cpu_max(std::string_view text);

// The same of cgroup v1, from cpu.cfs_quota_us (negative: no limit) and cpu.cfs_period_us.
std::optional<double> cores_of_cfs_quota(std::string_view quota, std::string_view period);

// The lowest limit of this process's control groups and those above them, as far as they can be
// seen under `root` ("/", in tests a folder): root/proc/self/cgroup names the groups and
// root/proc/self/mountinfo where they are mounted.
std::optional<double> cgroup_cores(const std::filesystem::path& root);

// What usable_cores() makes of both.
unsigned cores_of(unsigned affinity, std::optional<double> quota);

}  // namespace onecopy
