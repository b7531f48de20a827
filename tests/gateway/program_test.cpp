// The program onecopy-gateway itself, as the host starts it.
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <csignal>
#include <deque>
#include <fstream>
#include <utility>

#include "shared/protocol/channel.h"
#include "shared/segment/names.h"
#include "shared/segment/segment_writer.h"
#include "tests/gateway/test_gateway.h"

namespace onecopy::gateway {
namespace {

// A published segment of a question-answering model without any use; unlinked at the end.
class PublishedModel {
 public:
  PublishedModel() {
    ModelInfo info;
    info.name = "qa0";
    info.task = Task::kQuestionAnswering;
    info.vocab_size = 10;
    info.hidden = 4;
    info.layers = info.heads = info.intermediate = 1;
    info.positions = info.max_tokens = 16;
    info.type_vocab = 2;
    auto writer = SegmentWriter::create(name_, info, std::as_bytes(std::span("tokenizer")),
                                        {{.name = "table", .rows = 3, .cols = 5}});
    EXPECT_TRUE(writer) << writer.error().text;
    EXPECT_TRUE(writer->publish());
  }
  ~PublishedModel() { EXPECT_TRUE(unlink_segment(name_)); }
  const std::string& name() const { return name_; }

 private:
  std::string name_ =
      format_segment_name({"gateway-test-" + std::to_string(::getpid()), "qa0", 1, 1, false});
};

class GatewayProgram {
 public:
  explicit GatewayProgram(rlim_t descriptors = 1024) {
    auto channel = make_channel();
    auto listener = listen_on_any_port();
    port_ = listener.port;
    control_ = std::move(channel->first);
    pid_ = ::fork();
    if (pid_ == 0) become_gateway(channel->second.get(), listener.fd.get(), descriptors);
  }
  ~GatewayProgram() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }

  std::uint16_t port() const { return port_; }
  pid_t pid() const { return pid_; }
  void send(const Json& message, int fd = -1) const {
    EXPECT_TRUE(send_control(control_.get(), message, fd));
  }
  std::string next_type() const {
    const auto message = receive_control(control_.get());
    return message ? message->type : message.error().text;
  }
  void close_control() { control_.reset(); }

  FakeWorker& add_worker() {
    auto channel = make_channel();
    send({{"type", "worker"}, {"id", 1}}, channel->second.get());
    return workers_.emplace_back(std::move(channel->first), one_by_one(answer_plainly));
  }
  // Waits for the end; -1 unless it exited by itself.
  int exit_code() {
    int status = 0;
    ::waitpid(std::exchange(pid_, 0), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  // Processor time that it has used, in clock ticks.
  long ticks() const {
    std::ifstream file("/proc/" + std::to_string(pid_) + "/stat");
    std::string word;
    for (int i = 0; i < 13; ++i) file >> word;
    long user = 0;
    long system = 0;
    file >> user >> system;
    return user + system;
  }

 private:
  [[noreturn]] static void become_gateway(int control, int listener, rlim_t descriptors) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const rlimit limit{descriptors, descriptors};
    ::setrlimit(RLIMIT_NOFILE, &limit);
    // Through numbers that are surely free, as either may be 3 or 4 now. dup2 clears close-on-exec.
    ::dup2(control, 60);
    ::dup2(listener, 61);
    const char* const program = ONECOPY_BINARY_DIR "/onecopy-gateway";
    ::execl(program, program, "--control", "60", "--listen", "61", nullptr);
    ::_exit(127);
  }

  pid_t pid_ = 0;
  std::uint16_t port_ = 0;
  UniqueFd control_;
  std::deque<FakeWorker> workers_;
};

TEST(Program, ServesAModelFromItsSegmentAndDrains) {
  const PublishedModel model;
  GatewayProgram program;
  EXPECT_EQ(program.next_type(), "serving");
  program.send({{"type", "model"}, {"name", "qa0"}, {"version", 1}, {"segment", model.name()}});
  program.add_worker();
  program.send({{"type", "ready"}});
  RawClient client(program.port());
  while (client.get("/v2/health/ready").status != 200) {
  }
  EXPECT_EQ(client.get("/qa0?question=q&context=c").body,
            R"({"score": 0.5, "start": 0, "end": 1, "answer": "c"})");
  program.send({{"type", "drain"}});
  EXPECT_EQ(program.next_type(), "drained");
  EXPECT_EQ(program.exit_code(), 0);
}

TEST(Program, EndsWhenTheHostIsGone) {
  GatewayProgram program;
  EXPECT_EQ(program.next_type(), "serving");
  program.close_control();
  EXPECT_EQ(program.exit_code(), 0);
}

TEST(Program, LeavesSignalsOfTheTerminalToTheHost) {
  GatewayProgram program;
  EXPECT_EQ(program.next_type(), "serving");
  ::kill(program.pid(), SIGINT);
  ::kill(program.pid(), SIGTERM);
  ::kill(program.pid(), SIGPIPE);
  EXPECT_EQ(RawClient(program.port()).get("/v2/health/live").status, 200);
}

// Connections are bounded by half of the descriptors, so that accept() does not run out of them.
TEST(Program, ServesBeyondItsDescriptors) {
  GatewayProgram program(128);
  EXPECT_EQ(program.next_type(), "serving");
  std::vector<RawClient> silent;
  silent.reserve(500);
  for (int i = 0; i < 500; ++i) silent.emplace_back(program.port());
  EXPECT_EQ(RawClient(program.port()).get("/v2/health/live").status, 200);
  for (RawClient& client : silent)
    client.send("GET ");  // those that are left are not idle any more
  RawClient waiting(program.port());
  waiting.send(get_request("/v2/health/live"));
  silent.clear();
  EXPECT_EQ(waiting.read_reply().status, 200);
}

TEST(Program, SleepsWhileThereAreNoDescriptorsAndRecovers) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "the sanitizers' own checks need descriptors";
#endif
  GatewayProgram program;
  EXPECT_EQ(program.next_type(), "serving");
  const rlimit none{3, 1024};
  ASSERT_EQ(::prlimit(program.pid(), RLIMIT_NOFILE, &none, nullptr), 0);
  RawClient client(program.port());
  client.send(get_request("/v2/health/live"));
  const long before = program.ticks();
  ::usleep(500'000);
  EXPECT_LT(program.ticks() - before, ::sysconf(_SC_CLK_TCK) / 4);  // half of the time at most
  const rlimit many{1024, 1024};
  ASSERT_EQ(::prlimit(program.pid(), RLIMIT_NOFILE, &many, nullptr), 0);
  EXPECT_EQ(client.read_reply().status, 200);
}

TEST(Program, IsNotStartedByHand) {
  const std::string program = ONECOPY_BINARY_DIR "/onecopy-gateway";
  for (const char* arguments :
       {"", " --control", " --control 3 --listen x", " --control 0 --listen 1",
        " --control 3 --listen 4 --cores 0", " --control 3 --listen 4 --cores 2x", " --help 3"}) {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): the test has one thread
    const int status = std::system((program + arguments + " 2> /dev/null").c_str());
    EXPECT_EQ(WEXITSTATUS(status), 2) << arguments;
  }
}

}  // namespace
}  // namespace onecopy::gateway
