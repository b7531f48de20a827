// Processes that die while others work.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <thread>

#include "shared/protocol/mailbox_format.h"
#include "tests/e2e/mailboxes.h"
#include "tests/e2e/server_process.h"

namespace onecopy::e2e {
namespace {

std::vector<std::string> two_workers() {
  return {"--workers", "2", "--model", "qa0=" + model_folder("tiny-bert-qa")};
}

// Clients that ask the same question until told to stop, and count what they got.
class Clients {
 public:
  Clients(const ServerProcess& server, int count, Json expected) : expected_(std::move(expected)) {
    for (int i = 0; i < count; ++i) threads_.emplace_back([this, &server] { ask(server); });
  }
  ~Clients() { finish(); }
  void finish() {
    stop_ = true;
    for (auto& thread : threads_) thread.join();
    threads_.clear();
  }
  std::atomic<int> right{0};
  std::atomic<int> other{0};

 private:
  void ask(const ServerProcess& server) {
    auto client = server.client();
    while (!stop_) {
      const auto reply = client.Post("/qa/qa0", kBridgeQuestion.dump(), "application/json");
      const bool is_right =
          reply && reply->status == 200 && Json::parse(reply->body, nullptr, false) == expected_;
      ++(is_right ? right : other);
      if (!is_right) ADD_FAILURE() << (reply ? reply->body : to_string(reply.error()));
    }
  }
  Json expected_;
  std::atomic<bool> stop_{false};
  std::vector<std::thread> threads_;
};

TEST(Faults, KilledWorkersLoseNoRequest) {
  ServerProcess server(two_workers());
  ASSERT_TRUE(server.running());
  const auto [status, expected] = server.post("/qa/qa0", kBridgeQuestion);
  ASSERT_EQ(status, 200);
  Clients clients(server, 8, expected);
  for (int i = 0; i < 40; ++i) {
    const int before = clients.right;
    // One of them is at work at any time: eight clients, two workers.
    std::vector<pid_t> workers;
    const bool both = eventually([&] {
      workers = server.processes("onecopy-worker");
      return workers.size() == 2;
    });
    ASSERT_TRUE(both) << "round " << i;
    ::kill(workers[static_cast<std::size_t>(i % 2)], SIGKILL);
    ASSERT_TRUE(eventually([&] { return clients.right > before + 10; }));
  }
  clients.finish();
  EXPECT_EQ(clients.other, 0);
  EXPECT_TRUE(eventually([&] { return server.processes("onecopy-worker").size() == 2; }));
  EXPECT_EQ(server.stop(), 0);
  EXPECT_THAT(server.shared_memory(), ::testing::IsEmpty());
}

// As pkill does: the request of the first must not be lost with the second.
TEST(Faults, AllWorkersKilledAtOnceLoseNoRequest) {
  ServerProcess server(two_workers());
  ASSERT_TRUE(server.running());
  const auto expected = server.post("/qa/qa0", kBridgeQuestion).second;
  Clients clients(server, 8, expected);
  for (int i = 0; i < 15; ++i) {
    const int before = clients.right;
    for (const pid_t worker : server.processes("onecopy-worker")) ::kill(worker, SIGKILL);
    EXPECT_TRUE(eventually([&] { return clients.right > before + 10; }));
  }
  clients.finish();
  EXPECT_EQ(clients.other, 0);
  EXPECT_EQ(server.stop(), 0);
}

// A worker that shows no progress for some seconds is ended; its request goes to the next one.
TEST(Faults, AStoppedWorkerIsReplacedAndItsRequestAnswered) {
  ServerProcess server({"--workers", "1", "--model", "qa0=" + model_folder("tiny-bert-qa")});
  ASSERT_TRUE(server.running());
  const auto expected = server.post("/qa/qa0", kBridgeQuestion).second;
  const pid_t stopped = server.processes("onecopy-worker").at(0);
  ::kill(stopped, SIGSTOP);
  std::pair<int, Json> reply;
  std::thread client([&] { reply = server.post("/qa/qa0", kBridgeQuestion); });
  // Meanwhile nobody could be served, and health says so.
  EXPECT_TRUE(eventually([&] { return server.get("/healthz").first == 503; }));
  client.join();
  EXPECT_EQ(reply.first, 200);
  EXPECT_EQ(reply.second, expected);
  EXPECT_NE(server.processes("onecopy-worker").at(0), stopped);
  EXPECT_EQ(server.get("/healthz").first, 200);
  EXPECT_EQ(server.stop(), 0);
}

TEST(Faults, AKilledNurseryIsReplacedWhileWorkersServe) {
  ServerProcess server(two_workers());
  ASSERT_TRUE(server.running());
  const auto expected = server.post("/qa/qa0", kBridgeQuestion).second;
  const pid_t nursery = server.processes("onecopy-nursery").at(0);
  ::kill(nursery, SIGKILL);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(server.post("/qa/qa0", kBridgeQuestion).second, expected);
  ASSERT_TRUE(eventually([&] {
    const auto now = server.processes("onecopy-nursery");
    return now.size() == 1 && now[0] != nursery;
  }));
  // And it can fork: the old workers were the old nursery's.
  EXPECT_EQ(server.post("/qa/qa0", kBridgeQuestion).second, expected);
  EXPECT_EQ(server.stop(), 0);
  EXPECT_THAT(server.shared_memory(), ::testing::IsEmpty());
}

TEST(Faults, AKilledGatewayIsReplacedOnTheSamePort) {
  ServerProcess server(two_workers());
  ASSERT_TRUE(server.running());
  const auto expected = server.post("/qa/qa0", kBridgeQuestion).second;
  const pid_t gateway = server.processes("onecopy-gateway").at(0);
  ::kill(gateway, SIGKILL);
  ASSERT_TRUE(
      eventually([&] { return server.post("/qa/qa0", kBridgeQuestion).second == expected; }));
  EXPECT_TRUE(eventually([&] { return server.get("/v2/health/ready").first == 200; }));
  EXPECT_TRUE(eventually([&] { return server.processes("onecopy-worker").size() == 2; }));
  EXPECT_EQ(server.stop(), 0);
  EXPECT_THAT(server.shared_memory(), ::testing::IsEmpty());
}

// Killed with everything that could have served on.
TEST(Faults, AKilledHostsRemainsGoAtTheNextStart) {
  ServerProcess first(two_workers());
  ASSERT_TRUE(first.running());
  const auto expected = first.post("/qa/qa0", kBridgeQuestion).second;
  const auto gateway = first.processes("onecopy-gateway").at(0);
  const auto nursery = first.processes("onecopy-nursery").at(0);
  first.signal(SIGKILL);
  ::kill(nursery, SIGKILL);
  ::kill(gateway, SIGKILL);
  EXPECT_EQ(first.wait(), 128 + SIGKILL);
  EXPECT_FALSE(first.shared_memory().empty());

  ServerProcess second(two_workers(), first.instance());
  ASSERT_TRUE(second.running()) << second.output();
  EXPECT_EQ(second.post("/qa/qa0", kBridgeQuestion).second, expected);
  EXPECT_EQ(second.stop(), 0);
  EXPECT_THAT(second.shared_memory(), ::testing::IsEmpty());
}

TEST(Faults, CleanRemovesTheDeadAndLeavesTheLiving) {
  ServerProcess dead(two_workers());
  ServerProcess alive(two_workers());
  ASSERT_TRUE(dead.running() && alive.running());
  const auto gateway = dead.processes("onecopy-gateway").at(0);
  const auto nursery = dead.processes("onecopy-nursery").at(0);
  dead.signal(SIGKILL);
  ::kill(nursery, SIGKILL);
  ::kill(gateway, SIGKILL);
  dead.wait();
  ASSERT_TRUE(eventually([&] { return !is_alive(gateway) && !is_alive(nursery); }));
  const Finished clean = run_program("onecopy", {"clean"});
  EXPECT_EQ(clean.exit_code, 0) << clean.err;
  EXPECT_THAT(dead.shared_memory(), ::testing::IsEmpty());
  EXPECT_EQ(alive.shared_memory().size(), 1U);
  EXPECT_EQ(alive.post("/qa/qa0", kBridgeQuestion).first, 200);
  EXPECT_EQ(alive.stop(), 0);
}

// A pipe that is full and that nobody empties: what would be written is dropped, nothing waits.
TEST(Faults, AStandardErrorThatNobodyReadsHoldsNothingUp) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_NONBLOCK), 0);
  while (::write(ends[1], "x", 1) == 1) {
  }
  ASSERT_EQ(::fcntl(ends[1], F_SETFL, 0), 0);  // writers wait, as they would
  ServerProcess server(two_workers(), unique_instance(),
                       {"sh", "-c", "exec \"$@\" 2>&" + std::to_string(ends[1]), "sh"});
  ASSERT_TRUE(server.running());
  const auto expected = server.post("/qa/qa0", kBridgeQuestion).second;
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(eventually([&] { return server.processes("onecopy-worker").size() == 2; }));
    for (const pid_t worker : server.processes("onecopy-worker")) ::kill(worker, SIGKILL);
    EXPECT_EQ(server.post("/qa/qa0", kBridgeQuestion).second, expected);
  }
  EXPECT_TRUE(eventually([&] { return server.processes("onecopy-worker").size() == 2; }));
  EXPECT_EQ(server.stop(), 0);
  EXPECT_THAT(server.shared_memory(), ::testing::IsEmpty());
  ::close(ends[0]);
  ::close(ends[1]);
}

// The request is with its worker, which stands still, when the signal comes.
TEST(Faults, TerminationDrains) {
  ServerProcess server({"--workers", "1", "--model", "qa0=" + model_folder("tiny-bert-qa")});
  ASSERT_TRUE(server.running());
  // A worker takes its name after it was forked, which is when the server is ready.
  ASSERT_TRUE(eventually([&] { return server.processes("onecopy-worker").size() == 1; }));
  const pid_t worker = server.processes("onecopy-worker").at(0);
  ::kill(worker, SIGSTOP);
  std::atomic<int> status{0};
  std::thread client([&] { status = server.post("/qa/qa0", kBridgeQuestion).first; });
  const pid_t gateway = server.processes("onecopy-gateway").at(0);
  constexpr std::size_t kEpoch = kMailboxRequestAt + offsetof(RequestBatch, epoch);
  EXPECT_TRUE(eventually([&] {
    return read_mailboxes<std::uint64_t>(gateway, kEpoch) == std::vector<std::uint64_t>{1};
  }));
  server.signal(SIGTERM);
  EXPECT_TRUE(eventually([&] { return server.get("/healthz").first != 200; }));
  ::kill(worker, SIGCONT);
  EXPECT_EQ(server.wait(), 0);
  client.join();
  EXPECT_EQ(status, 200);
  EXPECT_THAT(server.shared_memory(), ::testing::IsEmpty());
}

}  // namespace
}  // namespace onecopy::e2e
