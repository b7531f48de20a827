// How the gateway reads connections: smuggling, pipelining, and what ends a connection.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <optional>
#include <thread>
#include <vector>

#include "shared/base/limits.h"
#include "tests/gateway/test_gateway.h"

namespace onecopy::gateway {
namespace {

// A request that must never be seen: it would take a worker.
const std::string kSentinel = get_request("/qa0?question=sentinel&context=c");

class FramingTest : public testing::Test {
 protected:
  void SetUp() override {
    worker_ = &gateway_.add_worker();
    gateway_.ready();
  }
  // The bytes are answered with this status and the end of the connection; nothing after them is
  // read.
  void expect_refused(const std::string& bytes, int status) {
    RawClient client = gateway_.connect();
    client.send(bytes + kSentinel);
    const RawReply reply = client.read_reply();
    EXPECT_EQ(reply.status, status) << bytes.substr(0, 200);
    EXPECT_EQ(reply.header("Connection"), "close");
    EXPECT_TRUE(client.ended());
    EXPECT_EQ(worker_->taken(), 0);
  }
  TestGateway gateway_;
  FakeWorker* worker_ = nullptr;
};

std::string post_head(const std::string& headers) {
  return "POST /qa/qa0 HTTP/1.1\r\nHost: t\r\n" + headers + "\r\n";
}

TEST_F(FramingTest, RefusesSmuggling) {
  expect_refused(post_head("Content-Length: 6\r\nTransfer-Encoding: chunked\r\n") + "0\r\n\r\n",
                 400);
  expect_refused(post_head("Content-Length: 0\r\nTransfer-Encoding: chunked\r\n"), 400);
  expect_refused(post_head("Transfer-Encoding: chunked\r\n") + "-2\r\n", 411);
  expect_refused(post_head("Content-Length: 0\r\nContent-Length: 44\r\n"), 400);
  expect_refused(post_head("Content-Length: +0\r\n"), 400);
  expect_refused(post_head("Content-Length: 5,5\r\n") + "hello", 400);
  expect_refused("GET /healthz HTTP/1.1\nHost: t\n\n", 400);
  expect_refused("GET /healthz HTTP/1.1\r\nHost: t\r\nX: a\r\n b\r\n\r\n", 400);
  expect_refused("GET /healthz HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\nhello", 400);
  expect_refused(post_head(""), 411);
  expect_refused("\r\n", 400);
  expect_refused(std::string(16, '\0'), 400);
  expect_refused(post_head("Content-Length: 1000000000\r\n") + "x", 413);
  expect_refused(post_head("Content-Length: 5\r\nContent-Encoding: gzip\r\n") + "hello", 415);
  expect_refused("GET /" + std::string(64 << 10, 'a') + " HTTP/1.1\r\nHost: t\r\n\r\n", 414);
  std::string many = "GET /healthz HTTP/1.1\r\nHost: t\r\n";
  for (int i = 0; i < 10'000; ++i) many += "X: y\r\n";
  expect_refused(many + "\r\n", 431);
}

TEST_F(FramingTest, AnErrorReplyArrivesThoughTheBodyIsStillBeingSent) {
  RawClient client = gateway_.connect();
  client.send(post_head("Content-Length: 8000000\r\n"));
  client.send(std::string(8'000'000, 'x'));  // may fail: the gateway need not read it all
  EXPECT_EQ(client.read_reply().status, 413);
}

TEST_F(FramingTest, AnswersPipelinedRequestsInOrder) {
  std::string bytes;
  for (int i = 0; i < 100; ++i) {
    bytes += i % 3 == 0 ? get_request("/healthz")
                        : post_request("/embed", fmt::format(R"({{"inputs": "{:{}}"}})", "", i));
  }
  RawClient client = gateway_.connect();
  client.send(bytes);
  for (int i = 0; i < 100; ++i) {
    const RawReply reply = client.read_reply();
    ASSERT_EQ(reply.status, 200);
    EXPECT_EQ(reply.body, i % 3 == 0 ? R"({"status": "ok"})" : fmt::format("[[{}.0,0.5]]", i));
  }
}

TEST_F(FramingTest, TakesARequestByteByByte) {
  RawClient client = gateway_.connect();
  for (const char c : post_request("/embed", R"({"inputs": "abc"})")) client.send({&c, 1});
  EXPECT_EQ(client.read_reply().body, "[[3.0,0.5]]");
}

TEST_F(FramingTest, TakesTheLargestBody) {
  RawClient client = gateway_.connect();
  std::string body = R"({"inputs": "abc"})";
  body.resize(limits::kBodyBytes, ' ');
  EXPECT_EQ(client.post("/embed", body).body, "[[3.0,0.5]]");
}

TEST_F(FramingTest, InvitesABodyThatWaits) {
  const std::string body = R"({"inputs": "abc"})";
  RawClient client = gateway_.connect();
  client.send(fmt::format(
      "POST /embed HTTP/1.1\r\nHost: t\r\nContent-Length: {}\r\nExpect: 100-continue\r\n\r\n",
      body.size()));
  EXPECT_EQ(client.read_reply().status, 100);
  client.send(body);
  EXPECT_EQ(client.read_reply().status, 200);
}

TEST_F(FramingTest, ClosesWhenTheClientAsksForIt) {
  RawClient closing = gateway_.connect();
  EXPECT_EQ(closing.get("/healthz", "Connection: close\r\n").header("Connection"), "close");
  EXPECT_TRUE(closing.ended());
  RawClient old = gateway_.connect();
  old.send("GET /healthz HTTP/1.0\r\n\r\n");
  EXPECT_EQ(old.read_reply().status, 200);
  EXPECT_TRUE(old.ended());
  RawClient keeping = gateway_.connect();
  for (int i = 0; i < 2; ++i) {
    keeping.send("GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    EXPECT_EQ(keeping.read_reply().header("Connection"), "keep-alive");
  }
}

TEST_F(FramingTest, AnswersWhatArrivedBeforeTheClientsEnd) {
  RawClient client = gateway_.connect();
  client.send(get_request("/healthz") + get_request("/v2/health/live"));
  client.finish_sending();
  EXPECT_EQ(client.read_reply().status, 200);
  EXPECT_EQ(client.read_reply().status, 200);
  EXPECT_TRUE(client.ended());
}

// nc -N and some HTTP/1.0 clients end their side when they have sent all.
TEST_F(FramingTest, AClientThatEndsItsSideGetsItsReply) {
  for (int i = 0; i < 20; ++i) {
    RawClient client = gateway_.connect();
    client.send(i % 2 == 0 ? "GET /qa0?question=q&context=Ann HTTP/1.0\r\n\r\n"
                           : get_request("/qa0?question=q&context=Ann"));
    client.finish_sending();
    const RawReply reply = client.read_reply();
    EXPECT_EQ(reply.status, 200);
    // Else it says so only if the end was there before the reply.
    EXPECT_TRUE(i % 2 != 0 || reply.header("Connection") == "close");
    EXPECT_EQ(reply.json()["answer"], "A");
    EXPECT_TRUE(client.ended());
  }
}

TEST(HalfClosed, AReplyThatTakesAWhileComesWhole) {
  Door door;
  TestGateway gateway;
  FakeWorker& worker = gateway.add_worker(behind(door));
  gateway.ready();
  RawClient client = gateway.connect();
  client.send(post_request("/qa/qa0", R"({"question": "q", "context": "Ann"})"));
  while (worker.taken() == 0) std::this_thread::yield();
  client.finish_sending();
  settle(gateway, client);
  door.open();
  const RawReply reply = client.read_reply();
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.head.find("HTTP/1.1 200 OK"), 0U);
  EXPECT_EQ(reply.json()["answer"], "A");
}

TEST_F(FramingTest, ServesAbsoluteTargets) {
  expect_refused("GET http://a b/healthz HTTP/1.1\r\nHost: t\r\n\r\n", 400);
  expect_refused("GET http:///healthz HTTP/1.1\r\nHost: t\r\n\r\n", 400);
  expect_refused("GET ftp://a/healthz HTTP/1.1\r\nHost: t\r\n\r\n", 400);
  expect_refused("GET http://user@a/healthz HTTP/1.1\r\nHost: t\r\n\r\n", 400);
  RawClient client = gateway_.connect();
  EXPECT_EQ(client.get("http://127.0.0.1:8080/healthz").status, 200);
  EXPECT_EQ(client.get("https://example.org/qa0?question=q&context=Ann").json()["answer"], "A");
}

TEST_F(FramingTest, ABodyThatChangesNothingIsNotAskedFor) {
  const auto first_status = [&](const char* target, const char* type) {
    RawClient client = gateway_.connect();
    client.send(
        fmt::format("POST {} HTTP/1.1\r\nHost: t\r\nContent-Length: 50000\r\n"
                    "Content-Type: {}\r\nExpect: 100-continue\r\n\r\n",
                    target, type));
    const int status = client.read_reply(true).status;
    EXPECT_TRUE(status == 100 || client.ended()) << target;
    return status;
  };
  const char* const json = "application/json";
  EXPECT_EQ(first_status("/nothing", json), 404);
  EXPECT_EQ(first_status("/qa/nothing", json), 404);
  EXPECT_EQ(first_status("/predictions/nothing/1", json), 404);
  EXPECT_EQ(first_status("/predictions/cls/2", json), 404);
  EXPECT_EQ(first_status("/qa/qa0/x", json), 404);
  EXPECT_EQ(first_status("/healthz", json), 405);
  EXPECT_EQ(first_status("/qa/cls", json), 400);
  EXPECT_EQ(first_status("/qa/qa0?top_k=3", json), 400);
  EXPECT_EQ(first_status("/predictions/cls", "image/png"), 415);
  EXPECT_EQ(first_status("/predictions/cls", "text/plain"), 100);
  EXPECT_EQ(first_status("/qa/qa0", json), 100);
  EXPECT_EQ(first_status("/embed", json), 100);
}

TEST(Connections, TheLongestIdleGivesItsPlaceUp) {
  Settings settings;
  settings.connections = 2;
  settings.idle_grace = Milliseconds(0);
  TestGateway gateway(settings);
  gateway.add_worker();
  RawClient first = gateway.connect();
  EXPECT_EQ(first.get("/healthz").header("Connection"), "keep-alive");
  RawClient second = gateway.connect();
  // The last place: announced, so that no client loses a request on a connection that it kept.
  EXPECT_EQ(second.get("/healthz").header("Connection"), "close");
  EXPECT_TRUE(second.ended());
  RawClient third = gateway.connect();
  third.send("GET /healthz HTTP/1.1\r\n");
  RawClient fourth = gateway.connect();
  EXPECT_EQ(fourth.get("/healthz").status, 200);
  EXPECT_TRUE(first.ended());
}

// More clients than places, each with a request now and then on a connection that it keeps: none is
// cut between two requests without having been told.
TEST(Connections, NoneIsCutWithoutAWord) {
  constexpr int kClients = 30;
  Settings settings;
  settings.connections = 20;
  TestGateway gateway(settings);
  gateway.add_worker();
  std::atomic<int> answered{0};
  std::atomic<int> cut{0};
  std::vector<std::thread> threads;
  threads.reserve(kClients);
  for (int i = 0; i < kClients; ++i) {
    threads.emplace_back([&] {
      std::optional<RawClient> client;
      for (int k = 0; k < 20; ++k) {
        if (!client) client.emplace(gateway.connect());
        const RawReply reply = client->get("/healthz");
        ++(reply.status == 200 ? answered : cut);
        if (reply.header("Connection") != "keep-alive") client.reset();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(answered, kClients * 20);
  EXPECT_EQ(cut, 0);
}

TEST(Connections, HoldOnlySoMuchAltogether) {
  Settings settings;
  settings.buffered_bytes = 300'000;
  TestGateway gateway(settings);
  gateway.add_worker();
  gateway.ready();
  const auto large_head =
      "POST /embed HTTP/1.1\r\nHost: t\r\nContent-Length: 200000\r\nExpect: 100-continue\r\n\r\n";
  RawClient first = gateway.connect();
  first.send(large_head);
  EXPECT_EQ(first.read_reply().status, 100);
  RawClient second = gateway.connect();
  second.send(large_head);
  const RawReply refused = second.read_reply();
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.header("Retry-After"), "1");
  EXPECT_EQ(gateway.connect().post("/embed", R"({"inputs": "a"})").status, 200);
  std::string body = R"({"inputs": "abc"})";
  body.resize(200'000, ' ');
  first.send(body);
  EXPECT_EQ(first.read_reply().status, 200);
  RawClient third = gateway.connect();
  EXPECT_EQ(third.post("/embed", body).status, 200);
}

TEST(Connections, HoldRepliesToo) {
  Settings settings;
  settings.buffered_bytes = 300'000;
  TestGateway gateway(settings);
  gateway.add_worker([](const WorkRequest& request) {
    WorkReply reply;
    reply.answers.assign(request.text == "much" ? 4 : 1, {1, 0, 100'000, 0, 100'000});
    return reply;
  });
  gateway.ready();
  RawClient client = gateway.connect();
  const auto ask = [&](const char* question) {
    return client
        .post("/qa/qa0",
              fmt::format(R"({{"question": "{}", "context": "{:x>100000}"}})", question, ""))
        .status;
  };
  EXPECT_EQ(ask("much"), 503);
  EXPECT_EQ(ask("little"), 200);
}

TEST(Connections, WaitForAPlaceWhenAllAreBusy) {
  Settings settings;
  settings.connections = 1;
  Door door;
  TestGateway gateway(settings);
  gateway.add_worker(behind(door));
  RawClient busy(gateway.port());
  busy.send(get_request("/qa0?question=q&context=c"));
  busy.wait_until_delivered();
  RawClient waiting(gateway.port());
  waiting.send(get_request("/v2/health/live"));
  door.open();
  EXPECT_EQ(busy.read_reply().status, 200);
  EXPECT_EQ(waiting.read_reply().status, 200);  // in the place that the idle connection gave up
}

}  // namespace
}  // namespace onecopy::gateway
