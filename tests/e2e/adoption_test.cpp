// The host is killed: the others serve on, and the next host takes them over.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include "tests/e2e/server_process.h"

namespace onecopy::e2e {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

std::vector<std::string> two_workers() {
  return {"--workers", "2", "--model", "qa0=" + model_folder("tiny-bert-qa")};
}

// A client that asks without a pause.
class Client {
 public:
  Client(const ServerProcess& server, Json expected)
      : thread_([this, &server, expected = std::move(expected)] {
          auto client = server.client();
          while (!stop_) {
            const auto reply = client.Post("/qa/qa0", kBridgeQuestion.dump(), "application/json");
            const bool good = reply && reply->status == 200 &&
                              Json::parse(reply->body, nullptr, false) == expected;
            ++(good ? right : wrong);
          }
        }) {}
  ~Client() { finish(); }
  void finish() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
  }
  std::atomic<int> right{0};
  std::atomic<int> wrong{0};

 private:
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

TEST(Adoption, NoRequestFailsAndNothingIsLoadedAgain) {
  ServerProcess first(two_workers());
  ASSERT_TRUE(first.running());
  const auto expected = first.post("/qa/qa0", kBridgeQuestion).second;
  const pid_t gateway = first.processes("onecopy-gateway").at(0);
  const pid_t nursery = first.processes("onecopy-nursery").at(0);
  const auto segments = first.shared_memory();
  Client client(first, expected);
  first.signal(SIGKILL);
  first.wait();
  const int before = client.right;
  ASSERT_TRUE(eventually([&] { return client.right > before + 20; }));

  ServerProcess second(two_workers(), first.instance());
  ASSERT_TRUE(second.running()) << second.output();
  EXPECT_EQ(second.port(), first.port());
  EXPECT_THAT(second.output(), ::testing::Not(HasSubstr("qa0:1")));  // no line of a load
  EXPECT_EQ(second.shared_memory(), segments);
  const int adopted = client.right;
  ASSERT_TRUE(eventually([&] { return client.right > adopted + 20; }));
  client.finish();
  EXPECT_EQ(client.wrong, 0);
  EXPECT_TRUE(is_alive(gateway));
  EXPECT_TRUE(is_alive(nursery));

  // What it took over it replaces and ends like its own.
  ::kill(nursery, SIGKILL);
  ASSERT_TRUE(eventually([&] { return second.processes("onecopy-nursery").size() == 1; }));
  ::kill(gateway, SIGKILL);
  ASSERT_TRUE(
      eventually([&] { return second.post("/qa/qa0", kBridgeQuestion).second == expected; }));
  EXPECT_EQ(second.stop(), 0);
  EXPECT_THAT(second.shared_memory(), IsEmpty());
}

TEST(Adoption, AWorkerThatDiesWithoutAHostIsReplaced) {
  ServerProcess server(two_workers());
  ASSERT_TRUE(server.running());
  ASSERT_TRUE(eventually([&] { return server.processes("onecopy-worker").size() == 2; }));
  const auto expected = server.post("/qa/qa0", kBridgeQuestion).second;
  const auto workers = server.processes("onecopy-worker");
  server.signal(SIGKILL);
  server.wait();
  for (const pid_t worker : workers) ::kill(worker, SIGKILL);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(server.post("/qa/qa0", kBridgeQuestion).second, expected);
  const Finished stop = run_program("onecopy", {"stop", "--instance", server.instance()});
  EXPECT_EQ(stop.exit_code, 0) << stop.err;
  EXPECT_THAT(server.shared_memory(), IsEmpty());
}

TEST(Adoption, OrphansEndOnTermination) {
  ServerProcess server(two_workers());
  ASSERT_TRUE(server.running());
  const pid_t gateway = server.processes("onecopy-gateway").at(0);
  const pid_t nursery = server.processes("onecopy-nursery").at(0);
  server.signal(SIGKILL);
  server.wait();
  ::kill(gateway, SIGTERM);
  EXPECT_TRUE(eventually([&] { return !is_alive(gateway) && !is_alive(nursery); }));
  EXPECT_TRUE(eventually([&] { return server.shared_memory().empty(); }));
}

TEST(Adoption, OrphansEndWithTheHostIfAskedTo) {
  auto arguments = two_workers();
  arguments.insert(arguments.end(), {"--orphans", "end"});
  ServerProcess server(arguments);
  ASSERT_TRUE(server.running());
  const pid_t gateway = server.processes("onecopy-gateway").at(0);
  const pid_t nursery = server.processes("onecopy-nursery").at(0);
  server.signal(SIGKILL);
  server.wait();
  EXPECT_TRUE(eventually([&] { return !is_alive(gateway) && !is_alive(nursery); }));
}

TEST(Adoption, OfTwoHostsOneWins) {
  ServerProcess first(two_workers());
  ASSERT_TRUE(first.running());
  const auto expected = first.post("/qa/qa0", kBridgeQuestion).second;
  first.signal(SIGKILL);
  first.wait();
  std::vector<Finished> hosts(2);
  std::atomic<int> ended = 0;
  std::vector<std::thread> threads;
  threads.reserve(hosts.size());
  for (Finished& host : hosts) {
    threads.emplace_back([&] {
      host = run_program("onecopy", {"serve", "--port", "0", "--management-port", "0", "--instance",
                                     first.instance(), "--workers", "2", "--model",
                                     "qa0=" + model_folder("tiny-bert-qa")});
      ++ended;
    });
  }
  // One of them ends by itself; the other serves, until it is told to stop.
  EXPECT_TRUE(eventually([&] { return ended == 1; }));
  EXPECT_EQ(first.post("/qa/qa0", kBridgeQuestion).second, expected);
  EXPECT_EQ(run_program("onecopy", {"stop", "--instance", first.instance()}).exit_code, 0);
  for (auto& thread : threads) thread.join();
  EXPECT_THAT(std::vector({hosts[0].exit_code, hosts[1].exit_code}), UnorderedElementsAre(0, 1));
  EXPECT_THAT(first.shared_memory(), IsEmpty());
}

TEST(Adoption, AnotherAddressIsRefusedAndTheOrphansServeOn) {
  ServerProcess first(two_workers());
  ASSERT_TRUE(first.running());
  const auto expected = first.post("/qa/qa0", kBridgeQuestion).second;
  first.signal(SIGKILL);
  first.wait();
  const Finished second =
      run_program("onecopy", {"serve", "--host", "127.0.0.2", "--port", "0", "--management-port",
                              "0", "--instance", first.instance(), "--model",
                              "qa0=" + model_folder("tiny-bert-qa")});
  EXPECT_NE(second.exit_code, 0);
  EXPECT_THAT(second.err, HasSubstr("127.0.0.1"));
  EXPECT_EQ(first.post("/qa/qa0", kBridgeQuestion).second, expected);
  EXPECT_FALSE(first.shared_memory().empty());
}

TEST(Adoption, WhatTheCommandLineNoLongerHasGoes) {
  auto arguments = two_workers();
  arguments.insert(arguments.end(), {"--model", "old=" + model_folder("tiny-bert-qa")});
  ServerProcess first(arguments);
  ASSERT_TRUE(first.running());
  first.signal(SIGKILL);
  first.wait();
  arguments = two_workers();
  arguments.insert(arguments.end(), {"--model", "new=" + model_folder("tiny-roberta-qa")});
  ServerProcess second(arguments, first.instance());
  ASSERT_TRUE(second.running()) << second.output();
  EXPECT_EQ(second.post("/qa/qa0", kBridgeQuestion).first, 200);
  EXPECT_EQ(second.post("/qa/new", kBridgeQuestion).first, 200);
  EXPECT_TRUE(eventually([&] { return second.post("/qa/old", kBridgeQuestion).first == 404; }));
  EXPECT_EQ(second.stop(), 0);
}

TEST(Adoption, CleanLeavesOrphansAlone) {
  ServerProcess server(two_workers());
  ASSERT_TRUE(server.running());
  const auto expected = server.post("/qa/qa0", kBridgeQuestion).second;
  server.signal(SIGKILL);
  server.wait();
  const Finished clean = run_program("onecopy", {"clean"});
  EXPECT_EQ(clean.exit_code, 0) << clean.err;
  EXPECT_THAT(clean.out, HasSubstr(server.instance() + ": its gateway is running"));
  EXPECT_FALSE(server.shared_memory().empty());
  EXPECT_EQ(server.post("/qa/qa0", kBridgeQuestion).second, expected);
  const Finished inspect = run_program("onecopy", {"inspect", "--instance", server.instance()});
  EXPECT_THAT(inspect.err, HasSubstr("its host is gone"));
}

}  // namespace
}  // namespace onecopy::e2e
