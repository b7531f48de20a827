// The nursery between its host and its gateway: what it is told, who may come and go, when it ends.
#include <fcntl.h>
#include <unistd.h>

#include <csignal>

#include "shared/base/memory_file.h"
#include "shared/base/pidfd.h"
#include "shared/protocol/kept_state.h"
#include "shared/protocol/rendezvous.h"
#include "shared/segment/segment_file.h"
#include "tests/worker/process/nursery_fixture.h"

namespace onecopy::worker {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> types(const std::vector<ControlMessage>& messages) {
  std::vector<std::string> types;
  for (const ControlMessage& message : messages) types.push_back(message.type);
  return types;
}

class NurseryLife : public NurseryTest {
 protected:
  // A host's segment and registry, so that the nursery knows what the instance holds.
  void give_registry(const TestHost& host, const std::string& segment) {
    RegistrySnapshot registry;
    registry.revision = 5;
    registry.segments.push_back({segment, 100});
    const UniqueFd file = make_memory_file("test", to_json_text(registry)).value();
    host.send({{"type", "segment"}, {"name", segment}}, open_segment_file(segment)->get());
    host.send({{"type", "registry"}, {"revision", 5}}, file.get());
    EXPECT_EQ(host.next("applied").body["revision"], 5);
  }
};

TEST_F(NurseryLife, SaysWhatItComputesWith) {
  start();
  const Json first = host_->hello();
  EXPECT_EQ(first["role"], "nursery");
  EXPECT_EQ(first["pid"], nursery_->pid());
  EXPECT_EQ(first["has_gateway"], false);
  EXPECT_THAT(first["back_ends"].get<std::string>(), HasSubstr("f32="));
  EXPECT_GT(first["speedup_bf16"], 0);
  EXPECT_GT(first["speedup_int8"], 0);
  EXPECT_TRUE(first["lacks"]["bf16"].is_string() && first["lacks"]["int8"].is_string());

  // Another one that is told so computes the same way.
  host_.reset();
  nursery_.reset();
  start({"--back-ends", first["back_ends"].get<std::string>()});
  EXPECT_EQ(host_->hello()["back_ends"], first["back_ends"]);
  EXPECT_EQ(host_->hello()["lacks"], first["lacks"]);
}

TEST_F(NurseryLife, BackEndsThatAreNoneEndIt) {
  NurseryProcess nursery(instance_, {"--back-ends", "f32=abacus"});
  EXPECT_EQ(nursery.wait(), "exit code 1");
}

TEST_F(NurseryLife, TheNextHostIsHandedWhatTheFirstOneGave) {
  start();
  const std::string segment = publish();
  const TestGateway gateway(*host_);
  TestWorker worker = gateway.fork(1);
  worker.attach({segment});
  give_registry(*host_, segment);
  host_.reset();
  const TestHost next(instance_);
  EXPECT_THAT(types(next.greeting()), ElementsAre("hello", "segment", "registry", "kept"));
  EXPECT_EQ(next.hello()["has_gateway"], true);
  const ControlMessage& registry = next.greeting()[2];
  const auto text = read_memory_file(registry.fd.get(), 100'000);
  ASSERT_TRUE(text) << text.error().text;
  EXPECT_EQ(snapshot_from_json(*text)->segments.at(0).name, segment);
  // The gateway and its worker have noticed nothing, and more workers come.
  EXPECT_FALSE(worker.ask(question(segment)).error);
  EXPECT_FALSE(gateway.fork(2).has_ended(false));
}

TEST_F(NurseryLife, ANewerHostReplacesTheOlder) {
  start();
  const TestHost newer(instance_);
  EXPECT_EQ(host_->next().type, "closed");
  newer.send({{"type", "ping"}, {"n", 3}});
  EXPECT_EQ(newer.next("pong").body["n"], 3);
}

TEST_F(NurseryLife, StopEndsAlsoAWorkerThatIsStopped) {
  start();
  const TestGateway gateway(*host_);
  const TestWorker sleeping = gateway.fork(1);
  const TestWorker stopped = gateway.fork(2);
  ASSERT_TRUE(send_signal(stopped.pidfd(), SIGSTOP));
  host_->send({{"type", "stop"}});
  EXPECT_EQ(nursery_->wait(), "exit code 0");
  EXPECT_TRUE(sleeping.has_ended(true));
  EXPECT_TRUE(stopped.has_ended(true));
}

TEST_F(NurseryLife, AGatewaysStopIsObeyedOnlyWithoutAHost) {
  start();
  const TestGateway gateway(*host_);
  gateway.send({{"type", "stop"}});
  const TestWorker worker = gateway.fork(1);  // the nursery is there
  host_.reset();
  // Once somebody is greeted who came later, the nursery knows that the host is gone.
  const ControlClient tool(connect_to(instance_, Role::kNursery).value());
  tool.send(to_json(Hello{.role = "cli", .pid = ::getpid()}));
  EXPECT_EQ(tool.next().type, "hello");
  gateway.send({{"type", "stop"}});
  EXPECT_EQ(nursery_->wait(), "exit code 0");
  EXPECT_TRUE(worker.has_ended(true));
}

TEST_F(NurseryLife, WorkersOfAGatewayThatIsGoneEndByThemselvesAndTheNextOneStartsItsOwn) {
  start();
  const std::string segment = publish();
  auto former = std::make_unique<TestGateway>(*host_);
  auto worker = std::make_unique<TestWorker>(former->fork(1));
  const UniqueFd pidfd(::fcntl(worker->pidfd(), F_DUPFD_CLOEXEC, 0));
  former.reset();
  const TestGateway gateway(*host_);
  TestWorker same_number = gateway.fork(1);
  EXPECT_FALSE(worker->has_ended(false));  // it still has its socket
  worker->close();
  EXPECT_TRUE(worker->has_ended(true));
  same_number.attach({segment});
  EXPECT_FALSE(same_number.ask(question(segment)).error);
  // The new gateway is told of its own workers only.
  ASSERT_TRUE(send_signal(same_number.pidfd(), SIGKILL));
  EXPECT_EQ(gateway.next().body["pid"], same_number.pid());
}

TEST_F(NurseryLife, ForkErrorsAreAnswered) {
  start();
  const TestGateway gateway(*host_);
  gateway.send({{"type", "fork"}, {"id", 1}});
  const Json failed = gateway.next("fork_failed").body;
  EXPECT_EQ(failed["id"], 1);
  EXPECT_THAT(failed["error"].get<std::string>(), HasSubstr("socket"));
  const TestWorker worker = gateway.fork(1);
  const auto ends = make_channel().value();
  gateway.send({{"type", "fork"}, {"id", 1}}, ends.second.get());
  EXPECT_EQ(gateway.next("fork_failed").body["id"], 1);
}

TEST_F(NurseryLife, AGatewayOfAnotherProtocolIsRefused) {
  start();
  auto ends = make_channel().value();
  host_->send({{"type", "gateway"}}, ends.second.get());
  ends.second.reset();
  const ControlClient gateway(std::move(ends.first));
  gateway.send(
      {{"type", "hello"}, {"protocol", 1}, {"version", "0"}, {"role", "gateway"}, {"pid", 1}});
  EXPECT_EQ(gateway.next().type, "hello");
  EXPECT_EQ(gateway.next().type, "closed");
}

TEST_F(NurseryLife, AHostOfAnotherProtocolIsRefused) {
  start();
  const ControlClient stranger(connect_to(instance_, Role::kNursery).value());
  stranger.send(
      {{"type", "hello"}, {"protocol", 1}, {"version", "0"}, {"role", "host"}, {"pid", 1}});
  EXPECT_EQ(stranger.next().type, "hello");
  EXPECT_EQ(stranger.next().type, "closed");
  host_->send({{"type", "ping"}, {"n", 1}});
  EXPECT_EQ(host_->next().type, "pong");
}

// None of them may end the nursery or move it.
TEST_F(NurseryLife, MalformedMessagesAreSurvived) {
  start();
  const TestGateway gateway(*host_);
  const std::vector<std::string> bodies{
      R"({"type":"gateway"})",
      R"({"type":"fork"})",
      R"({"type":"fork","id":-1})",
      R"({"type":"fork","id":"x"})",
      R"({"type":"fork","id":1.5})",
      R"({"type":"nonsense"})",
      R"({"type":"trial"})",
      R"({"type":"trial","id":{}})",
      R"({"type":"trial_cancel","id":99})",
      R"({"type":"trial_file","id":1})",
      R"({"type":"trial_file","id":1,"name":[]})",
      R"({"type":"ping"})",
      R"({"type":"registry"})",
      R"({"type":"segment","name":"x"})",
      R"({"type":"hello"})",
      R"({"type":""})",
  };
  const auto file = make_memory_file("test", "not a socket").value();
  for (const std::string& body : bodies) {
    SCOPED_TRACE(body);
    for (const int fd : {-1, file.get()}) {
      if (fd >= 0 && body == R"({"type":"gateway"})") continue;  // well formed
      host_->send_raw(body, fd);
      gateway.send_raw(body, fd);
    }
  }
  host_->send({{"type", "ping"}, {"n", 8}});
  EXPECT_EQ(host_->next("pong").body["n"], 8);
  EXPECT_FALSE(gateway.fork(2).has_ended(false));
}

TEST_F(NurseryLife, WhatIsNoJsonClosesTheChannelOnly) {
  start();
  auto gateway = std::make_unique<TestGateway>(*host_);
  gateway->send_raw("fork");
  EXPECT_EQ(gateway->next().type, "closed");
  host_->send_raw("[");
  EXPECT_EQ(host_->next().type, "closed");
  const TestHost next(instance_);
  EXPECT_EQ(next.hello()["has_gateway"], false);
}

TEST_F(NurseryLife, MayBeToldToEndWithItsHost) {
  start({"--orphans", "end"});
  host_.reset();
  EXPECT_EQ(nursery_->wait(), "exit code 0");
}

TEST_F(NurseryLife, EndsWithItsHostOnlyOnceTheGatewayHasDrained) {
  start({"--orphans", "end"});
  const std::string segment = publish();
  auto gateway = std::make_unique<TestGateway>(*host_);
  TestWorker worker = gateway->fork(1);
  worker.attach({segment});
  host_.reset();
  EXPECT_FALSE(worker.ask(question(segment)).error);
  const TestWorker later = gateway->fork(2);  // it still forks
  gateway.reset();
  EXPECT_EQ(nursery_->wait(), "exit code 0");
  EXPECT_TRUE(worker.has_ended(true));
}

// Nobody else knows what the instance has in shared memory.
TEST_F(NurseryLife, TheLastProcessRemovesTheSegmentsNames) {
  start({"--orphans", "end"});
  const std::string segment = publish();
  give_registry(*host_, segment);
  host_.reset();
  EXPECT_EQ(nursery_->wait(), "exit code 0");
  EXPECT_FALSE(open_segment_file(segment));
}

TEST_F(NurseryLife, NamesStayWhereSomebodyElseIsLeft) {
  const UniqueFd gateway = listen_at(instance_, Role::kGateway).value();
  start({"--orphans", "end"});
  const std::string segment = publish();
  give_registry(*host_, segment);
  host_.reset();
  EXPECT_EQ(nursery_->wait(), "exit code 0");
  EXPECT_TRUE(open_segment_file(segment));
}

TEST_F(NurseryLife, ACommandLineStopsWhatIsLeftOfAnInstance) {
  start();
  const std::string segment = publish();
  give_registry(*host_, segment);
  host_.reset();
  const ControlClient tool(connect_to(instance_, Role::kNursery).value());
  tool.send(to_json(Hello{.role = "cli", .pid = ::getpid()}));
  EXPECT_EQ(tool.next().type, "hello");
  tool.send({{"type", "stop"}});
  EXPECT_EQ(nursery_->wait(), "exit code 0");
  EXPECT_FALSE(open_segment_file(segment));
}

}  // namespace
}  // namespace onecopy::worker
