// Deaths that come close together, and every way of telling an instance to end.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <thread>

#include "tests/e2e/server_process.h"

namespace onecopy::e2e {
namespace {

using ::testing::IsEmpty;

std::vector<std::string> two_workers() {
  return {"--workers", "2", "--model", "qa0=" + model_folder("tiny-bert-qa")};
}

void expect_serving(const ServerProcess& server, const Json& expected) {
  EXPECT_TRUE(
      eventually([&] { return server.post("/qa/qa0", kBridgeQuestion).second == expected; }));
  EXPECT_TRUE(eventually([&] { return server.processes("onecopy-worker").size() == 2; }));
}

void expect_gone(const std::vector<pid_t>& processes) {
  for (const pid_t pid : processes) {
    EXPECT_TRUE(eventually([&] { return !is_alive(pid); })) << pid;
  }
}

// F2: the host learns of both ends at once, in either order.
TEST(Lifecycle, AWorkerAndTheGatewayWhileTheHostStandsStill) {
  ServerProcess server(two_workers());
  ASSERT_TRUE(server.running());
  const auto expected = server.post("/qa/qa0", kBridgeQuestion).second;
  for (int i = 0; i < 3; ++i) {
    server.signal(SIGSTOP);
    ::kill(server.processes("onecopy-worker").at(0), SIGKILL);
    ::kill(server.processes("onecopy-gateway").at(0), SIGKILL);
    server.signal(SIGCONT);
    expect_serving(server, expected);
  }
  EXPECT_EQ(server.stop(), 0);
  EXPECT_THAT(server.shared_memory(), IsEmpty());
}

// F2: the nursery goes while the gateway waits for its next start.
TEST(Lifecycle, AGatewayThatKeepsDyingAndThenTheNursery) {
  ServerProcess server(two_workers());
  ASSERT_TRUE(server.running());
  const auto expected = server.post("/qa/qa0", kBridgeQuestion).second;
  for (int i = 0; i < 8; ++i) {
    std::vector<pid_t> gateways;
    ASSERT_TRUE(eventually([&] {
      gateways = server.processes("onecopy-gateway");
      return gateways.size() == 1;
    }));
    ::kill(gateways[0], SIGKILL);
    ASSERT_TRUE(eventually([&] { return server.processes("onecopy-gateway") != gateways; }));
  }
  for (const pid_t nursery : server.processes("onecopy-nursery")) ::kill(nursery, SIGKILL);
  expect_serving(server, expected);
  EXPECT_EQ(server.stop(), 0);
  EXPECT_THAT(server.shared_memory(), IsEmpty());
}

// F2: at random.
TEST(Lifecycle, AStormOfKills) {
  ServerProcess server(two_workers());
  ASSERT_TRUE(server.running());
  const auto expected = server.post("/qa/qa0", kBridgeQuestion).second;
  const std::vector<std::string> order = {"worker",  "worker",  "nursery", "worker",
                                          "gateway", "worker",  "nursery", "nursery",
                                          "worker",  "gateway", "worker",  "worker"};
  for (const std::string& kind : order) {
    for (const pid_t pid : server.processes("onecopy-" + kind)) {
      ::kill(pid, SIGKILL);
      break;
    }
    server.post("/qa/qa0", kBridgeQuestion);  // whatever comes of it
  }
  expect_serving(server, expected);
  EXPECT_EQ(server.stop(), 0);
  EXPECT_THAT(server.shared_memory(), IsEmpty());
}

// F5, F8: what a terminal, a service manager or `timeout` sends to all of them.
class StopSignal : public testing::TestWithParam<int> {};

TEST_P(StopSignal, ToEveryProcessAtOnceLosesNoRequest) {
  ServerProcess server(two_workers());
  ASSERT_TRUE(server.running());
  const auto expected = server.post("/qa/qa0", kBridgeQuestion).second;
  std::atomic<bool> stopping{false};
  std::atomic<int> wrong{0};
  std::vector<std::thread> clients;
  clients.reserve(8);
  for (int i = 0; i < 8; ++i) {
    clients.emplace_back([&] {
      auto client = server.client();
      for (bool last = false; !last;) {
        last = stopping;  // asked before the signal: it must be answered
        const auto reply = client.Post("/qa/qa0", kBridgeQuestion.dump(), "application/json");
        const bool right =
            reply && reply->status == 200 && Json::parse(reply->body, nullptr, false) == expected;
        // Draining, it may refuse and close.
        if (!right && !stopping) ++wrong;
        if (reply && reply->status != 200 && reply->status != 503) ++wrong;
        if (!reply) return;
      }
    });
  }
  std::vector<pid_t> all;
  for (const char* name : {"onecopy-gateway", "onecopy-nursery", "onecopy-worker"}) {
    for (const pid_t pid : server.processes(name)) all.push_back(pid);
  }
  stopping = true;
  for (const pid_t pid : all) ::kill(pid, GetParam());
  server.signal(GetParam());
  EXPECT_EQ(server.wait(), 0);
  for (auto& client : clients) client.join();
  EXPECT_EQ(wrong, 0);
  expect_gone(all);
  EXPECT_THAT(server.shared_memory(), IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Lifecycle, StopSignal, testing::Values(SIGTERM, SIGINT, SIGHUP, SIGQUIT));

// F7
TEST(Lifecycle, AStoppedWorkerEndsWithTheInstance) {
  ServerProcess server(two_workers());
  ASSERT_TRUE(server.running());
  ASSERT_TRUE(eventually([&] { return server.processes("onecopy-worker").size() == 2; }));
  const auto workers = server.processes("onecopy-worker");
  ::kill(workers[0], SIGSTOP);
  EXPECT_EQ(server.stop(), 0);
  for (const pid_t worker : workers) EXPECT_FALSE(is_alive(worker));  // no longer than the host
  EXPECT_THAT(server.shared_memory(), IsEmpty());
}

// F9
TEST(Lifecycle, NamesRemovedWhileItServesAreNotMissed) {
  ServerProcess server(two_workers());
  ASSERT_TRUE(server.running());
  const auto expected = server.post("/qa/qa0", kBridgeQuestion).second;
  for (const auto& name : server.shared_memory()) std::filesystem::remove("/dev/shm/" + name);
  ::kill(server.processes("onecopy-gateway").at(0), SIGKILL);
  expect_serving(server, expected);
  ::kill(server.processes("onecopy-nursery").at(0), SIGKILL);
  expect_serving(server, expected);
  const Finished second =
      run_program("onecopy", {"serve", "--port", "0", "--management-port", "0", "--instance",
                              server.instance(), "--model", "qa0=" + model_folder("tiny-bert-qa")});
  EXPECT_EQ(second.exit_code, 1);
  EXPECT_THAT(second.err, ::testing::HasSubstr(std::to_string(server.pid())));
  EXPECT_EQ(server.stop(), 0);
}

TEST(Lifecycle, OnecopyStopWaitsForTheEnd) {
  ServerProcess server(two_workers());
  ASSERT_TRUE(server.running());
  const Finished stop = run_program("onecopy", {"stop", "--instance", server.instance()});
  EXPECT_EQ(stop.exit_code, 0) << stop.err;
  EXPECT_THAT(server.shared_memory(), IsEmpty());
  EXPECT_EQ(server.wait(), 0);
  EXPECT_EQ(run_program("onecopy", {"stop", "--instance", server.instance()}).exit_code, 1);
}

TEST(Lifecycle, ToldToStopWhileItLoads) {
  const std::string instance = unique_instance();
  ServerProcess server({"--model", "missing=/nowhere/at/all"}, instance);
  EXPECT_FALSE(server.running());
  EXPECT_NE(server.wait(), 0);
  EXPECT_THAT(server.shared_memory(), IsEmpty());
}

}  // namespace
}  // namespace onecopy::e2e
