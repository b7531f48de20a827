// How many workers there are.
#include <gtest/gtest.h>

#include <thread>

#include "tests/gateway/test_gateway.h"

namespace onecopy::gateway {
namespace {

using namespace std::chrono_literals;

const std::string kQuestion = "/qa0?question=q&context=context";

void set_workers(TestGateway& gateway, std::uint32_t count, std::uint32_t min, std::uint32_t max) {
  gateway.host().registry.workers = {count, min, max};
  gateway.host().publish();
}

TEST(WorkerPool, AsksForAllWorkersAtOnce) {
  TestGateway gateway;
  set_workers(gateway, 16, 16, 16);
  for (std::uint64_t id = 1; id <= 16; ++id) EXPECT_EQ(gateway.host().next_fork().id, id);
}

TEST(WorkerPool, ForksWaitForANursery) {
  TestGateway gateway;
  gateway.host().next_fork();  // which is never confirmed
  gateway.host().close_nursery();
  set_workers(gateway, 2, 2, 2);
  RawClient client = gateway.connect();
  client.send(get_request(kQuestion));
  settle(gateway, client);
  gateway.host().new_nursery();
  const std::uint64_t first = gateway.host().next_fork().id;
  EXPECT_GT(first, 1U);
  EXPECT_EQ(gateway.host().next_fork().id, first + 1);
}

TEST(WorkerPool, WorkersOutliveTheirNursery) {
  TestGateway gateway;
  gateway.add_worker();
  gateway.host().close_nursery();
  gateway.host().new_nursery();
  EXPECT_EQ(gateway.connect().get(kQuestion).status, 200);
}

TEST(WorkerPool, AFailedForkIsTriedAgain) {
  TestGateway gateway;
  for (int i = 0; i < 3; ++i) {
    const FakeHost::Fork fork = gateway.host().next_fork();
    gateway.host().send_as_nursery(
        {{"type", "fork_failed"}, {"id", fork.id}, {"error", "no memory"}});
  }
  gateway.add_worker();
  EXPECT_EQ(gateway.connect().get(kQuestion).status, 200);
}

TEST(WorkerPool, IdleOnesAreLetGoFirst) {
  Door door;
  TestGateway gateway;
  std::vector<FakeWorker*> workers;
  workers.reserve(3);
  for (int i = 0; i < 3; ++i) workers.push_back(&gateway.add_worker(behind(door)));
  RawClient client = gateway.connect();
  client.send(get_request(kQuestion));
  settle(gateway, client);
  set_workers(gateway, 1, 1, 1);
  gateway.host().wait_for_counts(1, 1);
  int left = 0;
  for (const FakeWorker* worker : workers) {
    if (worker->taken() > 0) {
      ++left;
    } else {
      while (!worker->ended()) std::this_thread::yield();
    }
  }
  EXPECT_EQ(left, 1);
  door.open();
  EXPECT_EQ(client.read_reply().status, 200);
  EXPECT_EQ(client.get(kQuestion).status, 200);
}

TEST(WorkerPool, ABusyOneIsLetGoAfterItsAnswer) {
  Settings settings;
  settings.cores = 2;
  std::atomic<int> taken = 0;
  Door door;
  TestGateway gateway(settings);
  const auto counted = [&](const WorkRequest& request) {
    ++taken;
    door.wait();
    return answer_plainly(request);
  };
  gateway.add_worker(counted);
  gateway.add_worker(counted);
  std::vector<RawClient> clients;
  for (int i = 0; i < 3; ++i) {
    clients.push_back(gateway.connect());
    clients.back().send(get_request(kQuestion));
    settle(gateway, clients.back());
  }
  while (taken < 2) std::this_thread::yield();
  set_workers(gateway, 1, 1, 1);
  gateway.host().wait_for_counts(2, 1);  // both still have their work
  door.open();
  for (RawClient& client : clients) EXPECT_EQ(client.read_reply().status, 200);
  gateway.host().wait_for_counts(1, 1);
}

TEST(WorkerPool, MoreComeWhenARequestHasWaited) {
  Settings settings;
  settings.add_workers_after = 20ms;
  Door door;
  TestGateway gateway(settings);
  gateway.add_worker(behind(door));
  set_workers(gateway, 1, 1, 3);
  std::vector<RawClient> clients;
  for (int i = 0; i < 6; ++i) {
    clients.push_back(gateway.connect());
    clients.back().send(post_request("/embed", R"({"inputs": "a"})"));
    settle(gateway, clients.back());
  }
  gateway.host().wait_for_counts(1, 2);
  FakeHost::Fork fork = gateway.host().next_fork();
  FakeWorker second(std::move(fork.socket), one_by_one(behind(door)));
  gateway.host().forked(fork.id);
  for (int i = 0; i < 2; ++i) {
    clients.push_back(gateway.connect());
    clients.back().send(get_request(kQuestion));
    settle(gateway, clients.back());
  }
  gateway.host().wait_for_counts(2, 3);  // and no more than that
  door.open();
  for (RawClient& client : clients) EXPECT_EQ(client.read_reply().status, 200);
}

TEST(WorkerPool, NoneComeWhileNothingWaits) {
  Settings settings;
  settings.add_workers_after = 1ms;
  TestGateway gateway(settings);
  gateway.add_worker();
  set_workers(gateway, 1, 1, 3);
  RawClient client = gateway.connect();
  for (int i = 0; i < 100; ++i) EXPECT_EQ(client.get(kQuestion).status, 200);
  EXPECT_EQ(gateway.manage("GET", "/workers").json().at("wanted"), 1);
}

TEST(WorkerPool, SpareOnesGoAfterAQuietTime) {
  Settings settings;
  settings.retire_workers_after = 20ms;
  TestGateway gateway(settings);
  for (int i = 0; i < 3; ++i) gateway.add_worker();
  set_workers(gateway, 3, 1, 3);
  gateway.host().wait_for_counts(1, 1);
  EXPECT_EQ(gateway.connect().get(kQuestion).status, 200);
}

TEST(WorkerPool, IsShown) {
  Door door;
  TestGateway gateway;
  gateway.add_worker(behind(door));
  gateway.add_worker(behind(door));
  RawClient client = gateway.connect();
  client.send(get_request(kQuestion));
  settle(gateway, client);
  const Json shown = gateway.manage("GET", "/workers").json();
  EXPECT_EQ(shown.at("count"), 2);
  EXPECT_EQ(shown.at("min"), 2);
  EXPECT_EQ(shown.at("max"), 2);
  int busy = 0;
  for (const Json& worker : shown.at("workers")) {
    if (worker.at("state") != "busy") continue;
    ++busy;
    EXPECT_EQ(worker.at("model"), "qa0");
    EXPECT_EQ(worker.at("version"), 1);
  }
  EXPECT_EQ(busy, 1);
  door.open();
  EXPECT_EQ(client.read_reply().status, 200);
}

}  // namespace
}  // namespace onecopy::gateway
