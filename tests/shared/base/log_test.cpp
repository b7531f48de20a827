#include "shared/base/log.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <regex>
#include <string>

#include "shared/base/limits.h"
#include "shared/base/unique_fd.h"

namespace onecopy {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

// Standard error is `to` while it lives.
class ErrorsTo {
 public:
  explicit ErrorsTo(int to) : before_(::dup(STDERR_FILENO)) { ::dup2(to, STDERR_FILENO); }
  ~ErrorsTo() { ::dup2(before_.get(), STDERR_FILENO); }
  ErrorsTo(const ErrorsTo&) = delete;
  ErrorsTo& operator=(const ErrorsTo&) = delete;

 private:
  UniqueFd before_;
};

struct Ends {
  UniqueFd read;
  UniqueFd write;
};

Ends make_pipe() {
  int ends[2];
  EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

std::string read_some(const UniqueFd& fd) {
  std::string text(1 << 16, '\0');
  const ssize_t got = ::read(fd.get(), text.data(), text.size());
  text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return text;
}

// Lines until the pipe or socket has no room. They are logged, so that a log that waits hangs here.
void fill(int lines) {
  for (int i = 0; i < lines; ++i) log_line(std::string(1000, 'x'));
}

constexpr int kMoreThanAPipeHolds = 2000;  // 2 MB; a pipe has 64 KiB, a socket some 200 KiB

TEST(Log, SaysWhenWhoAndHowBad) {
  const Ends ends = make_pipe();
  {
    const ErrorsTo errors(ends.write.get());
    log_line("worker 3: gone", LogLevel::kWarning);
  }
  const std::regex form(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z warning \S+\[)" +
                        std::to_string(::getpid()) + R"(\]: worker 3: gone\n)");
  const std::string line = read_some(ends.read);
  EXPECT_TRUE(std::regex_match(line, form)) << line;
}

TEST(Log, NamesTheInstance) {
  const Ends ends = make_pipe();
  set_log_instance("blue");
  {
    const ErrorsTo errors(ends.write.get());
    log_line("text");
  }
  set_log_instance("");
  EXPECT_THAT(read_some(ends.read), EndsWith("] blue: text\n"));
}

TEST(Log, ATextFromOutsideStaysOneLineOfBoundedLength) {
  const Ends ends = make_pipe();
  {
    const ErrorsTo errors(ends.write.get());
    log_line("a\nb" + std::string(1 << 20, 'x'));
  }
  const std::string line = read_some(ends.read);
  EXPECT_THAT(line, HasSubstr(": a bxxx"));
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  EXPECT_LE(line.size(), 4096U);
}

TEST(Log, AFullPipeNeverBlocksAndWhatWasDroppedIsCounted) {
  const Ends ends = make_pipe();
  const ErrorsTo errors(ends.write.get());
  fill(kMoreThanAPipeHolds);
  EXPECT_EQ(::fcntl(ends.write.get(), F_GETFL) & O_NONBLOCK, 0);  // others share it
  int taken = 0;
  ::fcntl(ends.read.get(), F_SETFL, O_NONBLOCK);
  for (std::string text = read_some(ends.read); !text.empty(); text = read_some(ends.read)) {
    for (const char c : text) taken += c == '\n' ? 1 : 0;
  }
  EXPECT_GT(taken, 10);
  log_line("there is room again");
  EXPECT_THAT(read_some(ends.read),
              HasSubstr("there is room again [" + std::to_string(kMoreThanAPipeHolds - taken) +
                        " lines before this one were dropped"));
  log_line("and no more is said of it");
  EXPECT_THAT(read_some(ends.read), Not(HasSubstr("dropped")));
}

TEST(Log, AFullSocketNeverBlocks) {
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  const UniqueFd read(ends[0]);
  const UniqueFd write(ends[1]);
  {
    const ErrorsTo errors(write.get());
    fill(kMoreThanAPipeHolds);
  }
  EXPECT_THAT(read_some(read), HasSubstr("xxx\n"));
  const Ends pipe = make_pipe();
  const ErrorsTo errors(pipe.write.get());
  log_line("counted");
  EXPECT_THAT(read_some(pipe.read), HasSubstr("dropped"));
}

TEST(Log, AClosedStandardErrorIsNoProblem) {
  const UniqueFd before(::dup(STDERR_FILENO));
  ::close(STDERR_FILENO);
  log_line("nobody hears this");
  ::dup2(before.get(), STDERR_FILENO);
  const Ends pipe = make_pipe();
  const ErrorsTo errors(pipe.write.get());
  log_line("counted");
  EXPECT_THAT(read_some(pipe.read), HasSubstr("[1 lines before this one"));
}

}  // namespace
}  // namespace onecopy
