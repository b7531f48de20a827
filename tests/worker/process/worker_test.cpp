// Workers, from a gateway's side: real processes that a nursery forked.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include "shared/base/memory_file.h"
#include "shared/base/pidfd.h"
#include "shared/base/small_file.h"
#include "shared/protocol/worker_messages.h"
#include "tests/worker/process/nursery_fixture.h"

namespace onecopy::worker {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class WorkerTest : public NurseryTest {
 protected:
  void SetUp() override {
    start();
    gateway_ = std::make_unique<TestGateway>(*host_);
  }
  std::string maps(const TestWorker& worker) {
    return read_kernel_file(fmt::format("/proc/{}/maps", worker.pid()));
  }
  // Where each of its descriptors leads, the standard ones apart.
  std::vector<std::string> descriptors(const TestWorker& worker) {
    std::vector<std::string> list;
    const std::filesystem::path folder = fmt::format("/proc/{}/fd", worker.pid());
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      if (std::stoi(entry.path().filename().string()) <= STDERR_FILENO) continue;
      list.push_back(std::filesystem::read_symlink(entry.path()).string());
    }
    return list;
  }

  // One that takes hundreds of parts.
  static WorkRequest long_question(const std::string& segment, const std::string& context) {
    WorkRequest request = question(segment);
    request.pair = context;
    request.qa.max_seq_len = 64;
    request.qa.doc_stride = 40;
    return request;
  }

  std::unique_ptr<TestGateway> gateway_;
  const std::string long_context_ = [] {
    std::string text;
    for (int i = 0; i < 4000; ++i) text += "It was built by Quatz. ";
    return text;
  }();
};

TEST_F(WorkerTest, AnswersAsTheModelsAuthorsDo) {
  const std::string segment = publish();
  TestWorker worker = gateway_->fork(1);
  worker.attach({segment});
  std::ifstream golden(ONECOPY_SOURCE_DIR "/tests/golden/qa.jsonl");
  int asked = 0;
  for (std::string line; std::getline(golden, line) && asked < 20;) {
    const Json row = Json::parse(line);
    if (row["model"] != "tiny-bert-qa" || row["params"] != Json::object()) continue;
    const auto text = row["question"].get<std::string>();
    const auto pair = row["context"].get<std::string>();
    WorkRequest request = question(segment);
    request.text = text;
    request.pair = pair;
    const WorkReply reply = worker.ask(request);
    ASSERT_FALSE(reply.error) << reply.error->text;
    ASSERT_EQ(reply.answers.size(), 1U);
    EXPECT_EQ(reply.answers[0].start, row["result"]["start"]);
    EXPECT_EQ(reply.answers[0].end, row["result"]["end"]);
    const double score = row["result"]["score"];
    EXPECT_NEAR(reply.answers[0].score, score, 1e-6 + 2e-4 * score);
    ++asked;
  }
  EXPECT_GT(asked, 5);
}

TEST_F(WorkerTest, ADetachedModelsMemoryGoes) {
  const std::string stays = publish("tiny-roberta-qa");
  const std::string goes = publish("tiny-bert-qa");
  TestWorker worker = gateway_->fork(1);
  worker.attach({stays});
  worker.attach({goes});
  ASSERT_FALSE(worker.ask(question(goes)).error);
  EXPECT_THAT(maps(worker), HasSubstr(goes));
  worker.detach(goes);
  const WorkReply refused = worker.ask(question(goes));
  ASSERT_TRUE(refused.error);
  EXPECT_EQ(refused.error->code, ErrorCode::kNotFound);
  EXPECT_THAT(refused.error->text, HasSubstr(goes));
  EXPECT_THAT(maps(worker), Not(HasSubstr(goes)));
  EXPECT_FALSE(worker.ask(question(stays)).error);
  worker.attach({goes});  // and again
  EXPECT_FALSE(worker.ask(question(goes)).error);
}

TEST_F(WorkerTest, AModelThatCannotBeAttachedIsTheErrorOfItsRequests) {
  const std::string good = publish();
  const std::string bad = "onecopy:" + instance_ + ":bad:1:77";
  TestWorker worker = gateway_->fork(1);
  const UniqueFd file = make_memory_file("test", std::string(100'000, 'x')).value();
  ASSERT_TRUE(send_worker_message(worker.socket(), WorkerSays::kFile, bad, file.get()));
  ASSERT_TRUE(send_worker_message(worker.socket(), WorkerSays::kAttach, bad));
  for (int i = 0; i < 2; ++i) {
    const WorkReply refused = worker.ask(question(bad));
    ASSERT_TRUE(refused.error);
    EXPECT_EQ(refused.error->code, ErrorCode::kCorrupt);
    EXPECT_THAT(refused.error->text, HasSubstr(bad));
  }
  worker.attach({good});
  EXPECT_FALSE(worker.ask(question(good)).error);
  worker.detach(bad);
  EXPECT_EQ(worker.ask(question(bad)).error->code, ErrorCode::kNotFound);
}

TEST_F(WorkerTest, ASegmentWithoutAFileIsTheErrorOfItsRequests) {
  const std::string segment = publish();
  TestWorker worker = gateway_->fork(1);
  ASSERT_TRUE(send_worker_message(worker.socket(), WorkerSays::kAttach, segment));
  const WorkReply refused = worker.ask(question(segment));
  ASSERT_TRUE(refused.error);
  EXPECT_EQ(refused.error->code, ErrorCode::kNotFound);
}

// No channel, segment or listening socket of the nursery: what a worker does not have, a model's
// bytes cannot make it misuse, and it keeps nothing alive that others have closed.
TEST_F(WorkerTest, HasNoDescriptorsButItsOwn) {
  const std::string segment = publish();
  const UniqueFd file = make_memory_file("onecopy-listener", "x").value();
  host_->send({{"type", "listener"}, {"port", "inference"}, {"url", "http://x"}}, file.get());
  host_->send({{"type", "segment"}, {"name", segment}}, open_segment_file(segment)->get());
  TestWorker first = gateway_->fork(1);
  TestWorker second = gateway_->fork(2);
  for (TestWorker* worker : {&first, &second}) {
    worker->attach({segment});
    ASSERT_FALSE(worker->ask(question(segment)).error);
    EXPECT_THAT(descriptors(*worker), ElementsAre(HasSubstr("socket:")));
  }
}

TEST_F(WorkerTest, ItsEndIsReported) {
  const TestWorker worker = gateway_->fork(7);
  ASSERT_TRUE(send_signal(worker.pidfd(), SIGKILL));
  const ControlMessage exited = gateway_->next();
  EXPECT_EQ(exited.type, "exited");
  EXPECT_EQ(exited.body["id"], 7);
  EXPECT_EQ(exited.body["pid"], worker.pid());
  EXPECT_EQ(exited.body["how"], "killed by signal 9");

  TestWorker other = gateway_->fork(7);  // the number is free again
  other.close();
  const Json ended = gateway_->next("exited").body;
  EXPECT_EQ(ended["id"], 7);
  EXPECT_EQ(ended["how"], "exit code 0");
}

TEST_F(WorkerTest, CountsItsStepsAndStopsWhenNobodyWaits) {
  const std::string segment = publish();
  TestWorker worker = gateway_->fork(1);
  worker.attach({segment});
  ASSERT_FALSE(worker.ask(long_question(segment, long_context_)).error);
  const std::uint32_t whole = worker.progress();
  EXPECT_GT(whole, 1000U);

  worker.post(long_question(segment, long_context_));
  while (worker.progress() == whole) std::this_thread::yield();
  worker.give_up();
  const WorkReply reply = worker.collect();
  ASSERT_TRUE(reply.error);
  EXPECT_EQ(reply.error->code, ErrorCode::kUnavailable);
  EXPECT_LT(worker.progress() - whole, whole);
  EXPECT_FALSE(worker.ask(question(segment)).error);  // the mark was that batch's alone
}

TEST_F(WorkerTest, StopsWhenItsGatewayIsGone) {
  const std::string segment = publish();
  TestWorker worker = gateway_->fork(1);
  worker.attach({segment});
  ASSERT_FALSE(worker.ask(long_question(segment, long_context_)).error);
  const std::uint32_t whole = worker.progress();
  ASSERT_TRUE(send_signal(worker.pidfd(), SIGSTOP));
  worker.post(long_question(segment, long_context_));
  worker.close();
  ASSERT_TRUE(send_signal(worker.pidfd(), SIGCONT));
  EXPECT_EQ(gateway_->next("exited").body["how"], "exit code 0");
  EXPECT_LT(worker.progress() - whole, whole / 10);
}

TEST_F(WorkerTest, SignalsThatAreTheHostsToHandleDoNotEndIt) {
  const std::string segment = publish();
  TestWorker worker = gateway_->fork(1);
  worker.attach({segment});
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGPIPE}) {
    ASSERT_EQ(::kill(worker.pid(), number), 0);
    ASSERT_EQ(::kill(nursery_->pid(), number), 0);
  }
  EXPECT_FALSE(worker.ask(question(segment)).error);
  EXPECT_FALSE(gateway_->fork(2).has_ended(false));
}

TEST_F(WorkerTest, GetsNoNewPrivileges) {
  const std::string segment = publish();
  TestWorker worker = gateway_->fork(1);
  worker.attach({segment});
  EXPECT_FALSE(worker.ask(question(segment)).error);  // by then it has set itself up
  EXPECT_THAT(read_kernel_file(fmt::format("/proc/{}/status", worker.pid())),
              HasSubstr("NoNewPrivs:\t1"));
}

TEST_F(WorkerTest, MalformedMessagesEndIt) {
  const auto file = make_memory_file("test", "x").value();
  std::uint64_t id = 0;
  for (const std::string& text :
       {std::string("x"), std::string(16, '\0'), std::string(16, '\xff')}) {
    const TestWorker worker = gateway_->fork(++id);
    ASSERT_TRUE(send_message(worker.socket(), std::as_bytes(std::span(text)), file.get()));
    EXPECT_EQ(gateway_->next("exited").body["how"], "exit code 1");
  }
  const TestWorker greeted_twice = gateway_->fork(++id);
  ASSERT_TRUE(send_worker_message(greeted_twice.socket(), WorkerSays::kGreeting, {}, file.get()));
  EXPECT_EQ(gateway_->next("exited").body["how"], "exit code 1");
}

TEST_F(WorkerTest, TooManyFilesEndIt) {
  const TestWorker worker = gateway_->fork(1);
  const auto file = make_memory_file("test", "x").value();
  for (int i = 1; i <= 257; ++i) {
    if (!send_worker_message(worker.socket(), WorkerSays::kFile, fmt::format("onecopy:i:m:1:{}", i),
                             file.get())) {
      break;  // it has ended already
    }
  }
  EXPECT_EQ(gateway_->next("exited").body["how"], "exit code 1");
}

}  // namespace
}  // namespace onecopy::worker
