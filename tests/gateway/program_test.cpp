// The program onecopy-gateway itself, as the host starts it.
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <csignal>
#include <deque>
#include <fstream>
#include <memory>
#include <utility>

#include "shared/base/pidfd.h"
#include "shared/segment/names.h"
#include "shared/segment/segment_file.h"
#include "shared/segment/segment_writer.h"
#include "tests/gateway/test_gateway.h"

namespace onecopy::gateway {
namespace {

// A published segment of a question-answering model without any use; unlinked at the end.
class PublishedModel {
 public:
  // `ends_here`: its name must still be there at the end.
  explicit PublishedModel(bool ends_here = true) : ends_here_(ends_here) {
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
  ~PublishedModel() { EXPECT_EQ(unlink_segment(name_).has_value(), ends_here_); }
  const std::string& name() const { return name_; }

 private:
  bool ends_here_;
  std::string name_ =
      format_segment_name({"gateway-test-" + std::to_string(::getpid()), "qa0", 1, 1, false});
};

class GatewayProgram {
 public:
  explicit GatewayProgram(rlim_t descriptors = 1024, const char* orphans = "keep") {
    auto listener = listen_on_any_port();
    port_ = listener.port;
    Rendezvous rendezvous = make_rendezvous();
    instance_ = rendezvous.instance;
    pid_ = ::fork();
    if (pid_ == 0) become_gateway(rendezvous.socket.get(), orphans, descriptors);
    rendezvous.socket.reset();
    host_ = std::make_unique<FakeHost>(instance_);
    host_->give_listener("inference", listener.fd.get());
    host_->new_nursery();
    host_->publish();
  }
  ~GatewayProgram() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }

  std::uint16_t port() const { return port_; }
  pid_t pid() const { return pid_; }
  FakeHost& host() { return *host_; }

  // The first one that it asked for.
  void add_worker(int pidfd = -1) {
    FakeHost::Fork fork = host_->next_fork();
    workers_.emplace_back(std::move(fork.socket), one_by_one(answer_plainly));
    host_->forked(fork.id, 1, pidfd);
    host_->wait_for_workers(1);
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
  [[noreturn]] static void become_gateway(int rendezvous, const char* orphans, rlim_t descriptors) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const rlimit limit{descriptors, descriptors};
    ::setrlimit(RLIMIT_NOFILE, &limit);
    ::dup2(rendezvous, 60);  // which clears close-on-exec
    const char* const program = ONECOPY_BINARY_DIR "/onecopy-gateway";
    ::execl(program, program, "--rendezvous", "60", "--orphans", orphans, nullptr);
    ::_exit(127);
  }

  pid_t pid_ = 0;
  std::uint16_t port_ = 0;
  std::string instance_;
  std::unique_ptr<FakeHost> host_;
  std::deque<FakeWorker> workers_;
};

// A process that does nothing, as a worker's.
class Sleeper {
 public:
  Sleeper() : pid_(::fork()) {
    if (pid_ == 0) {
      for (;;) ::pause();
    }
    pidfd_ = std::move(*open_pidfd(pid_));
  }
  ~Sleeper() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  int pidfd() const { return pidfd_.get(); }
  // Waits for its end, at most 30 s.
  bool was_killed() const {
    pollfd ended{pidfd_.get(), POLLIN, 0};
    return ::poll(&ended, 1, 30'000) == 1;
  }

 private:
  pid_t pid_;
  UniqueFd pidfd_;
};

// Has the gateway serve the published model as qa0.
void serve(GatewayProgram& program, const PublishedModel& model) {
  auto file = open_segment_file(model.name());
  ASSERT_TRUE(file);
  FakeHost& host = program.host();
  host.send({{"type", "segment"}, {"name", model.name()}}, file->get());
  ModelEntry entry;
  entry.name = "qa0";
  entry.segment = model.name();
  host.registry.segments = {{model.name(), 1}};
  host.registry.models = {entry};
  host.registry.defaults = {{"qa0", 1}};
  EXPECT_TRUE(host.publish().at("failed").empty());
}

TEST(Program, ServesAModelFromItsSegmentAndDrains) {
  const PublishedModel model;
  const Sleeper worker;
  GatewayProgram program;
  serve(program, model);
  program.add_worker(worker.pidfd());
  RawClient client(program.port());
  EXPECT_EQ(client.get("/v2/health/ready").status, 200);
  EXPECT_EQ(client.get("/qa0?question=q&context=c").body,
            R"({"score": 0.5, "start": 0, "end": 1, "answer": "c"})");
  program.host().send({{"type", "drain"}});
  EXPECT_FALSE(program.host().wait_for("drained").is_null());
  EXPECT_EQ(program.exit_code(), 0);
  EXPECT_TRUE(worker.was_killed());
}

// The segment's name may be gone: the descriptor is enough (F9).
TEST(Program, ServesWithoutTheSegmentsName) {
  auto model = std::make_unique<PublishedModel>();
  GatewayProgram program;
  serve(program, *model);
  model.reset();
  program.add_worker();
  EXPECT_EQ(RawClient(program.port()).get("/qa0?question=q&context=c").status, 200);
}

TEST(Program, EndsWithTheHostWhereOrphansAreToEnd) {
  GatewayProgram program(1024, "end");
  program.host().close();
  EXPECT_EQ(program.exit_code(), 0);
}

TEST(Program, OutlivesTheHostAndEndsInOrderOnEachSignal) {
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGQUIT}) {
    const PublishedModel model(false);
    const Sleeper worker;
    GatewayProgram program;
    serve(program, model);
    program.add_worker(worker.pidfd());
    program.host().close();
    EXPECT_EQ(RawClient(program.port()).get("/qa0?question=q&context=c").status, 200);
    ::kill(program.pid(), signal);
    EXPECT_EQ(program.host().wait_at_nursery("stop").at("type"), "stop");
    EXPECT_EQ(program.exit_code(), 0) << signal;
    EXPECT_TRUE(worker.was_killed());
    EXPECT_FALSE(open_segment_file(model.name())) << "its name is still there";
  }
}

TEST(Program, LeavesSignalsToTheHost) {
  GatewayProgram program;
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE}) {
    ::kill(program.pid(), signal);
  }
  EXPECT_EQ(RawClient(program.port()).get("/v2/health/live").status, 200);
}

// Connections are bounded by half of the descriptors, so that accept() does not run out of them.
TEST(Program, ServesBeyondItsDescriptors) {
  GatewayProgram program(128);
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
  for (const char* arguments : {"", " --rendezvous", " --rendezvous 3 --cores x", " --rendezvous 0",
                                " --rendezvous 3 --cores 0", " --rendezvous 3 --answer-cache-mb -1",
                                " --rendezvous 3 --orphans maybe", " --help 3"}) {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): the test has one thread
    const int status = std::system((program + arguments + " 2> /dev/null").c_str());
    EXPECT_EQ(WEXITSTATUS(status), 2) << arguments;
  }
}

}  // namespace
}  // namespace onecopy::gateway
