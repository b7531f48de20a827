// Clients that take their time. The limits are shortened; none of these tests fails on a slow
// machine, where the deadlines only pass sooner.
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include "tests/gateway/test_gateway.h"

namespace onecopy::gateway {
namespace {

using namespace std::chrono_literals;

TEST(SlowClients, AHeadHasOneDeadlineHoweverItsBytesArrive) {
  Settings settings;
  settings.head = 100ms;
  TestGateway gateway(settings);
  RawClient client = gateway.connect();
  client.send("GET /healthz HTTP/1.1\r\nHost: t\r\nX: ");
  pollfd readable{client.fd(), POLLIN, 0};
  for (int i = 0; i < 12'000 && ::poll(&readable, 1, 2) == 0; ++i) client.send("a");
  const RawReply reply = client.read_reply();
  EXPECT_EQ(reply.status, 408);
  EXPECT_EQ(reply.header("Connection"), "close");
  EXPECT_TRUE(client.ended());
}

TEST(SlowClients, SoHasABody) {
  Settings settings;
  settings.body = 100ms;
  settings.per_mib = 0ms;
  TestGateway gateway(settings);
  RawClient client = gateway.connect();
  client.send("POST /embed HTTP/1.1\r\nHost: t\r\nContent-Length: 100000\r\n\r\n");
  pollfd readable{client.fd(), POLLIN, 0};
  for (int i = 0; i < 90'000 && ::poll(&readable, 1, 2) == 0; ++i) client.send("a");
  EXPECT_EQ(client.read_reply().status, 408);
  EXPECT_TRUE(client.ended());
}

TEST(SlowClients, SilenceEndsWithoutAWord) {
  Settings settings;
  settings.head = 50ms;
  settings.idle = 50ms;
  TestGateway gateway(settings);
  RawClient silent = gateway.connect();
  EXPECT_TRUE(silent.ended());
  RawClient idle = gateway.connect();
  idle.send(get_request("/v2/health/live"));
  EXPECT_EQ(idle.read_reply().status, 200);
  EXPECT_TRUE(idle.ended());
}

TEST(SlowClients, WhoDoesNotReadTheReplyIsReset) {
  Settings settings;
  settings.write = 100ms;
  settings.per_mib = 0ms;
  TestGateway gateway(settings);
  gateway.add_worker([](const WorkRequest& request) {
    const auto size = static_cast<std::uint32_t>(request.pair->size());
    WorkReply reply;
    reply.answers.assign(15, {1, 0, size, 0, size});
    return reply;
  });
  RawClient client = gateway.connect();
  const int small = 4096;
  ::setsockopt(client.fd(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
  // 15 answers of a megabyte: more than the system buffers.
  client.send(post_request("/qa/qa0",
                           fmt::format(R"({{"question": "q", "context": "{:x>1000000}"}})", "")));
  pollfd ended{client.fd(), 0, 0};
  ASSERT_EQ(::poll(&ended, 1, 30'000), 1);
  EXPECT_NE(ended.revents & (POLLHUP | POLLERR), 0);
}

TEST(SlowClients, DoNotDelayOthers) {
  TestGateway gateway;
  gateway.add_worker();
  gateway.ready();
  std::vector<RawClient> slow;
  for (int i = 0; i < 200; ++i) {
    slow.push_back(gateway.connect());
    slow.back().send("GET /healthz HTTP/1.1\r\nX");
  }
  EXPECT_EQ(gateway.connect().get("/qa0?question=q&context=c").status, 200);
}

}  // namespace
}  // namespace onecopy::gateway
