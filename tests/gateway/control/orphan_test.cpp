// The gateway without its host, and with the next one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "shared/base/memory_file.h"
#include "shared/protocol/rendezvous.h"
#include "tests/gateway/test_gateway.h"

namespace onecopy::gateway {
namespace {

using testing::Contains;
using testing::HasSubstr;

const std::string kQuestion = "/qa0?question=q&context=context";

TEST(Orphan, ServesOnAndHandsEverythingToTheNextHost) {
  TestGateway gateway;
  gateway.add_worker();
  const RegistrySnapshot before = gateway.host().registry;
  gateway.close_host();
  EXPECT_EQ(gateway.connect().get(kQuestion).status, 200);
  EXPECT_EQ(gateway.connect().get("/healthz").status, 200);

  FakeHost next(gateway.instance());
  EXPECT_EQ(next.hello().at("role"), "gateway");
  EXPECT_EQ(next.hello().at("has_nursery"), true);
  EXPECT_EQ(next.registry, before);
  EXPECT_THAT(next.handed_over(), Contains("listener inference"));
  EXPECT_THAT(next.handed_over(), Contains("listener management"));
  for (const SegmentEntry& segment : before.segments) {
    EXPECT_THAT(next.handed_over(), Contains("segment " + segment.name));
  }
  next.add_model("emb", 2);
  EXPECT_TRUE(next.publish().at("failed").empty());
  EXPECT_EQ(gateway.connect().get(kQuestion).status, 200);
}

TEST(Orphan, TheNextHostMayGiveTheSameListenersAgain) {
  TestGateway gateway;
  gateway.add_worker();
  RawClient kept = gateway.connect();
  EXPECT_EQ(kept.get(kQuestion).status, 200);
  gateway.close_host();
  const FakeHost next(gateway.instance());
  // Another socket, as after a change of the port.
  const ListeningSocket other = listen_on_any_port();
  next.give_listener("inference", other.fd.get());
  RawClient client(other.port);
  EXPECT_EQ(client.get(kQuestion).status, 200);
  EXPECT_EQ(kept.get(kQuestion).status, 200);
}

TEST(Orphan, ReplacesWorkersThatDie) {
  TestGateway gateway;
  gateway.add_worker(die);
  gateway.close_host();
  RawClient client = gateway.connect();
  client.send(get_request(kQuestion));
  FakeHost::Fork fork = gateway.host().next_fork();
  FakeWorker worker(std::move(fork.socket), one_by_one(answer_plainly));
  gateway.host().forked(fork.id);
  EXPECT_EQ(client.read_reply().status, 200);
}

TEST(Orphan, ANewerHostTakesAnOldersPlace) {
  TestGateway gateway;
  auto reply =
      std::async(std::launch::async, [&] { return gateway.manage("POST", "/models?url=x"); });
  gateway.host().wait_for("command");
  FakeHost newer(gateway.instance());
  EXPECT_EQ(reply.get().status, 503);
  reply = std::async(std::launch::async, [&] { return gateway.manage("POST", "/models?url=x"); });
  newer.answer_command(200, {{"status", "ok"}});
  EXPECT_EQ(reply.get().status, 200);
}

TEST(Orphan, AHostOfAnotherProtocolIsRefusedByName) {
  TestGateway gateway;
  gateway.close_host();
  const auto channel = connect_to(gateway.instance(), Role::kGateway);
  ASSERT_TRUE(channel);
  Hello hello;
  hello.protocol = 2;
  hello.version = "0.0.1";
  hello.role = "host";
  ASSERT_TRUE(send_control(channel->get(), to_json(hello)));
  FakeHost next(gateway.instance());  // and the gateway is well
  EXPECT_EQ(next.hello().at("protocol"), kProtocolVersion);
}

TEST(Orphan, StopIsNotObeyedWhileThereIsAHost) {
  TestGateway gateway;
  gateway.add_worker();
  gateway.stop_alone();
  gateway.ready();
  EXPECT_EQ(gateway.connect().get(kQuestion).status, 200);
}

TEST(Registry, AnUnchangedModelIsLeftAlone) {
  TestGateway gateway;
  FakeWorker& worker = gateway.add_worker();
  EXPECT_EQ(gateway.connect().get(kQuestion).status, 200);
  gateway.add_model("emb", 2);
  gateway.ready();
  EXPECT_EQ(worker.attached().size(), 1U);
  EXPECT_EQ(gateway.manage("GET", "/models/qa0").json()[0].at("requests"), 1);
}

TEST(Registry, ASegmentThatDidNotComeIsRefused) {
  TestGateway gateway;
  FakeHost& host = gateway.host();
  const RegistrySnapshot good = host.registry;
  host.registry.segments.push_back({"onecopy:test:x:1:99", 1});
  ++host.registry.revision;
  const auto file = make_memory_file("registry", to_json_text(host.registry));
  host.send({{"type", "registry"}, {"revision", 99}}, file->get());
  EXPECT_THAT(host.wait_for("refused").at("error").get<std::string>(),
              HasSubstr("onecopy:test:x:1:99 did not come before it"));
  host.registry = good;
  EXPECT_TRUE(host.publish().at("failed").empty());
}

}  // namespace
}  // namespace onecopy::gateway
