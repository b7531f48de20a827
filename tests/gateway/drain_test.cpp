// The gateway's end: asked for by the host, or because the host is gone.
#include <gtest/gtest.h>

#include "tests/gateway/test_gateway.h"

namespace onecopy::gateway {
namespace {

using namespace std::chrono_literals;

const std::string kQuestion = get_request("/qa0?question=q&context=c");

class DrainTest : public testing::Test {
 protected:
  // One request on the worker, which waits at the door, and one in the queue.
  void start(TestGateway& gateway) {
    gateway.add_worker([this](const WorkRequest& request) {
      door_.wait();
      return answer_plainly(request);
    });
    gateway.ready();
    for (int i = 0; i < 2; ++i) {
      under_way_.push_back(gateway.connect());
      under_way_.back().send(kQuestion);
      under_way_.back().wait_until_delivered();
    }
    RawClient(gateway.management_port()).get("/healthz");
  }
  void wait_until_draining(const TestGateway& gateway) {
    RawClient probe(gateway.management_port());
    while (probe.get("/v2/health/ready", "Connection: close\r\n").status == 200) {
      probe = RawClient(gateway.management_port());
    }
  }
  Door door_;
  std::vector<RawClient> under_way_;
};

TEST_F(DrainTest, FinishesWhatIsUnderWay) {
  TestGateway gateway;
  start(gateway);
  RawClient idle = gateway.connect();
  idle.get("/healthz");
  gateway.host().send({{"type", "drain"}});
  wait_until_draining(gateway);
  EXPECT_TRUE(idle.ended());
  EXPECT_FALSE(RawClient(gateway.port()).send("x") &&
               RawClient(gateway.port()).get("/").status != 0);
  EXPECT_EQ(RawClient(gateway.management_port()).get("/v2/health/live").status, 200);
  EXPECT_EQ(RawClient(gateway.management_port()).get("/healthz").body, R"({"status": "draining"})");
  door_.open();
  for (RawClient& client : under_way_) {
    const RawReply reply = client.read_reply();
    EXPECT_EQ(reply.status, 200);
    EXPECT_EQ(reply.header("Connection"), "close");
    EXPECT_TRUE(client.ended());
    client.close();
  }
  EXPECT_EQ(gateway.host().wait_for("drained").at("type"), "drained");
  gateway.join();
}

TEST_F(DrainTest, RefusesNewRequestsOnOldConnections) {
  TestGateway gateway;
  start(gateway);
  RawClient late = gateway.connect();
  late.send("GET /qa0?question=q&context=c HTTP/1.1\r\n");  // not complete, so it may finish
  late.wait_until_delivered();
  RawClient(gateway.management_port()).get("/healthz");
  gateway.host().send({{"type", "drain"}});
  wait_until_draining(gateway);
  late.send("Host: t\r\n\r\n");
  const RawReply reply = late.read_reply();
  EXPECT_EQ(reply.status, 503);
  EXPECT_EQ(reply.header("Retry-After"), "1");
  EXPECT_EQ(reply.header("Connection"), "close");
  door_.open();
  late.close();
  for (RawClient& client : under_way_) {
    EXPECT_EQ(client.read_reply().status, 200);
    client.close();
  }
}

TEST_F(DrainTest, AnswersTheRestAfterItsDeadline) {
  Settings settings;
  settings.drain = 50ms;
  settings.linger = 50ms;
  TestGateway gateway(settings);
  start(gateway);
  gateway.host().send({{"type", "drain"}});
  for (RawClient& client : under_way_) {
    const RawReply reply = client.read_reply();
    EXPECT_EQ(reply.status, 503);
    EXPECT_NE(reply.header("Retry-After"), "");
  }
  gateway.host().wait_for("drained");
  door_.open();
  gateway.join();
}

TEST_F(DrainTest, EndsAtOnceWhenNothingIsUnderWay) {
  TestGateway gateway;
  gateway.ready();
  RawClient idle = gateway.connect();
  idle.get("/healthz");
  gateway.host().send({{"type", "drain"}});
  gateway.host().wait_for("drained");
  gateway.join();
}

TEST_F(DrainTest, WithoutAHostItStopsWhenAsked) {
  TestGateway gateway;
  start(gateway);
  gateway.close_host();
  gateway.stop_alone();
  wait_until_draining(gateway);
  door_.open();
  for (RawClient& client : under_way_) {
    EXPECT_EQ(client.read_reply().status, 200);
    client.close();
  }
  EXPECT_EQ(gateway.host().wait_at_nursery("stop").at("type"), "stop");
  gateway.join();
}

TEST_F(DrainTest, TheHostsDeathIsADrainWhereOrphansAreToEnd) {
  Settings settings;
  settings.ends_with_host = true;
  TestGateway gateway(settings);
  start(gateway);
  gateway.close_host();
  wait_until_draining(gateway);
  door_.open();
  for (RawClient& client : under_way_) {
    EXPECT_EQ(client.read_reply().status, 200);
    client.close();
  }
  gateway.join();
}

}  // namespace
}  // namespace onecopy::gateway
