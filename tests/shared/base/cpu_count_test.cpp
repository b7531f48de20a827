#include "shared/base/cpu_count.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include <fstream>
#include <string>
#include <thread>

#include "shared/base/limits.h"

namespace onecopy {
namespace {

namespace fs = std::filesystem;

TEST(CpuCount, ReadsCgroupV2) {
  EXPECT_EQ(cores_of_cpu_max("150000 100000\n"), 1.5);
  EXPECT_EQ(cores_of_cpu_max("max 100000\n"), std::nullopt);
  for (const char* text : {"", "\n", "100000", "0 100000", "100000 0", "-1 100000", "x 100000",
                           "100000 x", "nan 1", "100000 100000x", "1 nan"}) {
    EXPECT_EQ(cores_of_cpu_max(text), std::nullopt) << text;
  }
}

TEST(CpuCount, ReadsCgroupV1) {
  EXPECT_EQ(cores_of_cfs_quota("50000\n", "100000\n"), 0.5);
  EXPECT_EQ(cores_of_cfs_quota("-1\n", "100000\n"), std::nullopt);
  EXPECT_EQ(cores_of_cfs_quota("", ""), std::nullopt);
}

TEST(CpuCount, TakesTheLowerOfAffinityAndQuota) {
  EXPECT_EQ(cores_of(8, std::nullopt), 8U);
  EXPECT_EQ(cores_of(8, 2.0), 2U);
  EXPECT_EQ(cores_of(8, 2.1), 3U);
  EXPECT_EQ(cores_of(8, 0.01), 1U);
  EXPECT_EQ(cores_of(2, 64.0), 2U);
  EXPECT_EQ(cores_of(0, std::nullopt), 1U);
  EXPECT_EQ(cores_of(8, 1e300), 8U);
  EXPECT_EQ(cores_of(100'000, std::nullopt), limits::kCores);
}

// A folder that looks like / to cgroup_cores().
class Cgroups : public testing::Test {
 protected:
  Cgroups() : root_(fs::temp_directory_path() / ("onecopy-cgroups-" + std::to_string(::getpid()))) {
    fs::remove_all(root_);
    fs::create_directories(root_ / "proc/self");
  }
  ~Cgroups() override { fs::remove_all(root_); }

  void write(const std::string& path, const std::string& text) const {
    const fs::path file = root_ / path;
    fs::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }
  void group(const std::string& lines) const { write("proc/self/cgroup", lines); }
  void mount(const std::string& group, const std::string& point, const std::string& type,
             const std::string& options) const {
    std::ofstream(root_ / "proc/self/mountinfo", std::ios::app)
        << "30 1 0:1 / /proc rw,relatime shared:5 - proc proc rw\n"
        << "31 23 0:28 " << group << " " << point << " rw,relatime shared:9 master:1 - " << type
        << " cgroup " << options << "\n";
  }
  std::optional<double> cores() const { return cgroup_cores(root_); }

  const fs::path root_;
};

TEST_F(Cgroups, NoneMeansNoLimit) {
  EXPECT_EQ(cores(), std::nullopt);
  group("0::/a\n");
  EXPECT_EQ(cores(), std::nullopt);
  mount("/", "/sys/fs/cgroup", "cgroup2", "rw");
  EXPECT_EQ(cores(), std::nullopt);
}

TEST_F(Cgroups, TheLowestOfAGroupAndThoseAboveItCounts) {
  group("0::/service/part\n");
  mount("/", "/sys/fs/cgroup", "cgroup2", "rw");
  write("sys/fs/cgroup/service/part/cpu.max", "max 100000\n");
  write("sys/fs/cgroup/service/cpu.max", "300000 100000\n");
  write("sys/fs/cgroup/other/cpu.max", "100000 100000\n");
  EXPECT_EQ(cores(), 3.0);
  write("sys/fs/cgroup/service/part/cpu.max", "200000 100000\n");
  EXPECT_EQ(cores(), 2.0);
  write("sys/fs/cgroup/service/cpu.max", "100000 100000\n");
  EXPECT_EQ(cores(), 1.0);
}

TEST_F(Cgroups, AContainerFindsItsOwnAtTheMount) {
  mount("/docker/1234", "/sys/fs/cgroup", "cgroup2", "rw");
  write("sys/fs/cgroup/cpu.max", "250000 100000\n");
  group("0::/docker/1234\n");
  EXPECT_EQ(cores(), 2.5);
  group("0::/\n");  // with a namespace for control groups
  EXPECT_EQ(cores(), 2.5);
  group("0::/../../elsewhere\n");
  EXPECT_EQ(cores(), 2.5);
  write("sys/fs/cgroup/inner/cpu.max", "50000 100000\n");
  group("0::/docker/1234/inner\n");
  EXPECT_EQ(cores(), 0.5);
}

TEST_F(Cgroups, ReadsTheCpuControllerOfV1BesideV2) {
  group("5:cpuset:/b\n3:cpu,cpuacct:/a\n0::/c\n");
  mount("/", "/sys/fs/cgroup/unified", "cgroup2", "rw");
  mount("/", "/sys/fs/cgroup/cpuset", "cgroup", "rw,cpuset");
  mount("/", "/sys/fs/cgroup/cpu,cpuacct", "cgroup", "rw,cpu,cpuacct");
  write("sys/fs/cgroup/cpuset/b/cpu.cfs_quota_us", "1\n");
  write("sys/fs/cgroup/cpuset/b/cpu.cfs_period_us", "1\n");
  write("sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us", "400000\n");
  write("sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(cores(), 4.0);
}

TEST_F(Cgroups, NonsenseIsNoLimit) {
  group("\n0\n:\n::\n0::\n");
  write("proc/self/mountinfo", "\n-\n1 2 3 4 5 -\n1 2 3 / /m - cgroup2 x\na b c d e f g h i j\n");
  EXPECT_EQ(cores(), std::nullopt);
}

TEST(UsableCores, FollowsTheAffinity) {
  std::thread([] {  // of this thread only
    cpu_set_t set;
    ASSERT_EQ(::sched_getaffinity(0, sizeof set, &set), 0);
    EXPECT_GE(usable_cores(), 1U);
    EXPECT_LE(usable_cores(), static_cast<unsigned>(CPU_COUNT(&set)));
    std::size_t first = 0;
    while (!CPU_ISSET(first, &set)) ++first;
    CPU_ZERO(&set);
    CPU_SET(first, &set);
    ASSERT_EQ(::sched_setaffinity(0, sizeof set, &set), 0);
    EXPECT_EQ(usable_cores(), 1U);
  })
      .join();
}

}  // namespace
}  // namespace onecopy
