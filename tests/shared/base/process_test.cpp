// Children: watched by descriptor, and without what is not theirs.
#include "shared/base/process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <functional>

#include "shared/base/pidfd.h"

namespace onecopy {
namespace {

pid_t fork_child(const std::function<int()>& run) {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(run());
  return pid;
}

std::optional<int> reap_when_it_ends(int pidfd) {
  pollfd end{pidfd, POLLIN, 0};
  if (::poll(&end, 1, 60'000) != 1) return {};
  return reap(pidfd);
}

TEST(Pidfd, TellsHowAChildEnded) {
  const auto exits = open_pidfd(fork_child([] { return 3; }));
  ASSERT_TRUE(exits) << exits.error().text;
  auto status = reap_when_it_ends(exits->get());
  ASSERT_TRUE(status);
  EXPECT_EQ(how_it_ended(*status), "exit code 3");

  const auto waits = open_pidfd(fork_child([] { return ::pause(); }));
  ASSERT_TRUE(waits);
  EXPECT_FALSE(reap(waits->get()));  // it lives
  EXPECT_TRUE(send_signal(waits->get(), SIGKILL));
  status = reap_when_it_ends(waits->get());
  ASSERT_TRUE(status);
  EXPECT_EQ(how_it_ended(*status), "killed by signal 9");
  EXPECT_FALSE(send_signal(waits->get(), SIGKILL));
  EXPECT_FALSE(reap(waits->get()));
}

TEST(Pidfd, AProcessThatIsNotThereIsAnError) {
  const pid_t gone = fork_child([] { return 0; });
  ASSERT_EQ(::waitpid(gone, nullptr, 0), gone);
  EXPECT_FALSE(open_pidfd(gone));
}

TEST(Descriptors, OnlyTheNamedOnesStay) {
  std::array<int, 5> fds{};
  for (int& fd : fds) fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  const std::array<int, 4> kept{fds[3], fds[1], -1, fds[3]};
  const pid_t child = fork_child([&] {
    close_descriptors_except(kept);
    const auto is_open = [](int fd) { return ::fcntl(fd, F_GETFD) >= 0; };
    const bool standard = is_open(STDERR_FILENO);
    const bool right = !is_open(fds[0]) && is_open(fds[1]) && !is_open(fds[2]) && is_open(fds[3]) &&
                       !is_open(fds[4]);
    return standard && right ? 0 : 1;
  });
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(how_it_ended(status), "exit code 0");
  for (const int fd : fds) ::close(fd);
}

}  // namespace
}  // namespace onecopy
