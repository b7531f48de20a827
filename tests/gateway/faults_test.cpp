// Workers that die, hang or lie, clients that go away, and too much of everything.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <mutex>

#include "shared/protocol/channel.h"
#include "tests/gateway/test_gateway.h"

namespace onecopy::gateway {
namespace {

using testing::HasSubstr;

const std::string kQuestion = "/qa0?question=q&context=context";

TEST(WorkerDeath, TheRequestGoesToAnotherWorker) {
  TestGateway gateway;
  FakeWorker& dying = gateway.add_worker(die);
  RawClient client = gateway.connect();
  client.send(get_request(kQuestion));
  gateway.wait_for_death();
  EXPECT_EQ(dying.taken(), 1);
  gateway.add_worker();
  EXPECT_EQ(client.read_reply().status, 200);
}

TEST(WorkerDeath, ARequestThatCrashesTwoWorkersIsRefused) {
  TestGateway gateway;
  const Behaviour crashes_of_poison = [](const WorkRequest& request) {
    if (request.text == "poison") throw Crash();
    return answer_plainly(request);
  };
  for (int i = 0; i < 3; ++i) gateway.add_worker(crashes_of_poison);
  RawClient client = gateway.connect();
  gateway.ready();
  const RawReply reply = client.get("/qa0?question=poison&context=c");
  EXPECT_EQ(reply.status, 500);
  EXPECT_THAT(reply.error(), HasSubstr("ended 2 workers; not tried again"));
  EXPECT_EQ(client.get(kQuestion).status, 200);
}

TEST(WorkerDeath, ARequestWhoseWorkersAreKilledIsTriedOnAFifth) {
  TestGateway gateway;
  for (int i = 0; i < 4; ++i) gateway.add_worker(die);
  gateway.ready();
  RawClient client = gateway.connect();
  client.send(get_request(kQuestion));
  for (int deaths = 0; deaths < 4; ++deaths) gateway.wait_for_death();
  gateway.add_worker();
  EXPECT_EQ(client.read_reply().status, 200);
}

TEST(WorkerDeath, ManyRequestsOutliveManyWorkers) {
  TestGateway gateway;
  // Each worker dies at its third request, and then the host starts the next: the first with all of
  // them in a batch, the others with those that go alone since, after two answers.
  const auto mortal = [] {
    return [left = std::make_shared<int>(2)](const WorkRequest& request) {
      return (*left)-- > 0 ? answer_plainly(request) : std::nullopt;
    };
  };
  std::vector<RawClient> clients;
  for (int i = 0; i < 20; ++i) {
    clients.push_back(gateway.connect());
    clients.back().send(get_request(kQuestion));
    settle(gateway, clients.back());
  }
  gateway.add_worker(mortal());
  for (int deaths = 1; deaths <= 10; ++deaths) {
    gateway.wait_for_death();
    gateway.add_worker(mortal());
  }
  int answered = 0;
  for (RawClient& client : clients) answered += client.read_reply().status == 200 ? 1 : 0;
  EXPECT_EQ(answered, 20);
}

TEST(WorkerLies, CountAsItsDeath) {
  TestGateway gateway;
  gateway.add_worker([](const WorkRequest&) {
    WorkReply reply;
    reply.answers = {{0.5, 0, 1, 0, 1000}};  // ends outside of its context
    return reply;
  });
  RawClient client = gateway.connect();
  client.send(get_request(kQuestion));
  gateway.wait_for_death();
  gateway.add_worker();
  EXPECT_EQ(client.read_reply().status, 200);
}

TEST(WorkerLies, AnUnaskedMessageCountsAsItsDeath) {
  for (const std::string message : {"", "x", "12345678", "too long for a wake"}) {
    TestGateway gateway;
    FakeHost::Fork fork = gateway.take_fork();
    gateway.host().forked(fork.id);
    EXPECT_EQ(receive_worker_message(fork.socket.get())->kind, WorkerSays::kGreeting);
    if (message.empty()) {
      fork.socket.reset();
    } else {
      EXPECT_TRUE(send_message(fork.socket.get(), std::as_bytes(std::span(message))));
    }
    gateway.wait_for_death();
    gateway.add_worker();
    EXPECT_EQ(gateway.connect().get(kQuestion).status, 200);
  }
}

TEST(WorkerHangs, TheRequestGoesToAnotherWorker) {
  Settings settings;
  settings.worker_silence = Milliseconds(500);
  Door never;
  TestGateway gateway(settings);
  FakeWorker& hanging = gateway.add_worker(behind(never));
  RawClient client = gateway.connect();
  gateway.ready();
  client.send(get_request(kQuestion));
  gateway.wait_for_death();
  EXPECT_EQ(hanging.taken(), 1);
  const RawReply health = gateway.connect().get("/v2/health/ready");
  EXPECT_EQ(health.status, 503);
  EXPECT_THAT(health.body, HasSubstr("no workers"));
  gateway.add_worker();
  EXPECT_EQ(client.read_reply().status, 200);
  EXPECT_EQ(gateway.connect().get("/v2/health/ready").status, 200);
  never.open();
}

// It is told at once, and ends when it does not listen.
TEST(WorkerHangs, WhenItGoesOnForAClientThatLeft) {
  Settings settings;
  settings.cancel_grace = Milliseconds(100);
  TestGateway gateway(settings);
  std::atomic<FakeWorker*> worker = nullptr;
  std::atomic<bool> stop = false;
  std::atomic<bool> was_told = false;
  worker = &gateway.add_worker([&](const WorkRequest& request) {
    while (!stop) {
      worker.load()->show_progress();
      if (worker.load()->cancelled() == 1) was_told = true;
      std::this_thread::yield();
    }
    return answer_plainly(request);
  });
  gateway.ready();
  RawClient leaving = gateway.connect();
  leaving.send(get_request(kQuestion));
  settle(gateway, leaving);
  leaving.close();
  gateway.wait_for_death();
  while (!was_told) std::this_thread::yield();
  stop = true;
}

TEST(HostLies, AreIgnored) {
  TestGateway gateway;
  gateway.add_worker();
  FakeHost& host = gateway.host();
  for (const char* type : {"unheard of", "settings", "segment", "listener", "registry", "nursery",
                           "result", "applied"}) {
    host.send({{"type", type}, {"id", "one"}, {"name", "x"}, {"port", 1}});
  }
  for (const char* type : {"forked", "exited", "fork_failed", "unheard of"}) {
    host.send_as_nursery({{"type", type}});
    host.send_as_nursery({{"type", type}, {"id", 77}, {"pid", 1}, {"how", "?"}, {"error", "?"}});
  }
  EXPECT_EQ(host.publish().at("revision"), host.registry.revision);
  EXPECT_EQ(gateway.connect().get(kQuestion).status, 200);
}

TEST(NoWorkers, RequestsWaitForOne) {
  TestGateway gateway;
  RawClient client = gateway.connect();
  client.send(get_request(kQuestion));
  settle(gateway, client);
  gateway.add_worker();
  EXPECT_EQ(client.read_reply().status, 200);
}

TEST(NoWorkers, UntilTheDeadline) {
  TestGateway gateway;
  gateway.ready();
  const RawReply reply = gateway.connect().get(kQuestion, "X-Request-Timeout-Ms: 20\r\n");
  EXPECT_EQ(reply.status, 504);
  EXPECT_THAT(reply.error(), HasSubstr("20 ms"));
}

TEST(Deadline, ALateReplyIsDiscarded) {
  Door door;
  TestGateway gateway;
  FakeWorker& worker = gateway.add_worker(behind(door));
  gateway.ready();
  RawClient client = gateway.connect();
  const RawReply late =
      client.post("/embed", R"({"inputs": "late"})", "X-Request-Timeout-Ms: 20\r\n");
  EXPECT_EQ(late.status, 504);
  client.send(post_request("/embed", R"({"inputs": "in time"})"));
  settle(gateway, client);
  door.open();
  EXPECT_EQ(client.read_reply().body, "[[7.0,0.5]]");
  EXPECT_EQ(worker.taken(), 2);
}

TEST(Deadline, AnExpiredItemIsNeverDispatched) {
  Door door;
  TestGateway gateway;
  FakeWorker& worker = gateway.add_worker(behind(door));
  gateway.ready();
  RawClient first = gateway.connect();
  first.send(get_request(kQuestion));
  settle(gateway, first);
  RawClient second = gateway.connect();
  EXPECT_EQ(second.get(kQuestion, "X-Request-Timeout-Ms: 20\r\n").status, 504);
  door.open();
  EXPECT_EQ(first.read_reply().status, 200);
  EXPECT_EQ(second.get(kQuestion).status, 200);
  EXPECT_EQ(worker.taken(), 2);
}

TEST(Deadline, ReachesTheWorker) {
  TestGateway gateway;
  gateway.add_worker([](const WorkRequest& request) {
    WorkReply reply = *answer_plainly(request);
    const auto left = *request.deadline - std::chrono::steady_clock::now();
    reply.values = {
        left > std::chrono::seconds(100) && left < std::chrono::seconds(201) ? 1.0F : 0.0F, 0};
    return reply;
  });
  gateway.ready();
  const RawReply reply =
      gateway.connect().post("/embed", R"({"inputs": ""})", "X-Request-Timeout-Ms: 200000\r\n");
  EXPECT_EQ(reply.body, "[[1.0,0.0]]");
}

TEST(Disconnect, AQueuedItemIsNeverDispatched) {
  Door door;
  TestGateway gateway;
  FakeWorker& worker = gateway.add_worker(behind(door));
  RawClient first = gateway.connect();
  first.send(get_request(kQuestion));
  settle(gateway, first);
  RawClient leaving = gateway.connect();
  leaving.send(get_request(kQuestion));
  settle(gateway, leaving);
  leaving.close();
  settle(gateway, leaving);
  door.open();
  EXPECT_EQ(first.read_reply().status, 200);
  EXPECT_EQ(first.get(kQuestion).status, 200);
  EXPECT_EQ(worker.taken(), 2);
}

TEST(Disconnect, AReplyForNobodyIsDiscarded) {
  Door door;
  TestGateway gateway;
  gateway.add_worker(behind(door));
  RawClient leaving = gateway.connect();
  leaving.send(post_request("/embed", R"({"inputs": "left"})"));
  settle(gateway, leaving);
  leaving.close();
  settle(gateway, leaving);
  door.open();
  EXPECT_EQ(gateway.connect().post("/embed", R"({"inputs": "stayed"})").body, "[[6.0,0.5]]");
}

TEST(Overload, IsRefusedAtOnceAndSaysWhenToRetry) {
  Settings settings;
  settings.queued_items = 2;
  Door door;
  TestGateway gateway(settings);
  gateway.add_worker(behind(door));
  gateway.ready();
  std::vector<RawClient> clients;
  for (int i = 0; i < 3; ++i) {  // one on the worker, two in the queue
    clients.push_back(gateway.connect());
    clients.back().send(get_request(kQuestion));
    settle(gateway, clients.back());
  }
  RawClient refused = gateway.connect();
  const RawReply reply = refused.get(kQuestion);
  EXPECT_EQ(reply.status, 429);
  EXPECT_THAT(reply.error(), HasSubstr("the queue is full (2 of 2 places taken, 1 asked for)"));
  const int seconds = std::atoi(reply.header("Retry-After").c_str());
  EXPECT_GE(seconds, 1);
  EXPECT_LE(seconds, 30);
  EXPECT_EQ(reply.header("Connection"), "keep-alive");
  door.open();
  for (RawClient& client : clients) EXPECT_EQ(client.read_reply().status, 200);
  EXPECT_EQ(refused.get(kQuestion).status, 200);
}

TEST(Overload, AListIsAdmittedAsAWholeOrNotAtAll) {
  Settings settings;
  settings.queued_items = 2;
  Door door;
  TestGateway gateway(settings);
  FakeWorker& worker = gateway.add_worker(behind(door));
  RawClient first = gateway.connect();
  first.send(get_request(kQuestion));
  settle(gateway, first);
  RawClient list = gateway.connect();
  EXPECT_EQ(list.post("/embed", R"({"inputs": ["a", "b", "c"]})").status, 429);
  list.send(post_request("/embed", R"({"inputs": ["a", "bb"]})"));
  settle(gateway, list);
  door.open();
  EXPECT_EQ(first.read_reply().status, 200);
  EXPECT_EQ(list.read_reply().body, "[[1.0,0.5],[2.0,0.5]]");
  EXPECT_EQ(worker.taken(), 3);
}

TEST(Fairness, OneModelsRequestsDoNotStarveAnother) {
  Door door;
  std::mutex mutex;
  std::vector<std::string> order;
  TestGateway gateway;
  gateway.add_worker([&](const WorkRequest& request) {
    door.wait();
    const std::scoped_lock lock(mutex);
    order.push_back(model_of(request));
    return answer_plainly(request);
  });
  std::vector<RawClient> clients;
  // Too long for batches, so that a turn is one request.
  for (const char* model : {"qa0", "qa0", "qa0", "qa1"}) {
    clients.push_back(gateway.connect());
    clients.back().send(get_request(fmt::format("/{}?question=q&context={:x>2000}", model, "")));
    settle(gateway, clients.back());
  }
  door.open();
  for (RawClient& client : clients) EXPECT_EQ(client.read_reply().status, 200);
  const std::scoped_lock lock(mutex);
  EXPECT_THAT(order, testing::ElementsAre("qa0", "qa0", "qa1", "qa0"));
}

TEST(Dispatch, TextsOfACallRunOnSeveralWorkersAtOnce) {
  Settings settings;
  settings.cores = 2;
  Door both_started;
  std::atomic<int> started = 0;
  TestGateway gateway(settings);
  const Behaviour meets_the_other = [&](const WorkRequest& request) {
    if (++started == 2) both_started.open();
    both_started.wait();
    return answer_plainly(request);
  };
  gateway.add_worker(meets_the_other);
  gateway.add_worker(meets_the_other);
  gateway.ready();
  EXPECT_EQ(gateway.connect().post("/embed", R"({"inputs": ["a", "bb"]})").body,
            "[[1.0,0.5],[2.0,0.5]]");
}

TEST(Reload, ANewSegmentServesFromTheNextRequestOn) {
  TestGateway gateway;
  gateway.add_worker([](const WorkRequest& request) {
    WorkReply reply;
    reply.values = {static_cast<float>(generation_of(request)), 0};
    return reply;
  });
  RawClient client = gateway.connect();
  EXPECT_EQ(client.post("/embed", R"({"inputs": "a"})").body, "[[4.0,0.0]]");
  gateway.add_model("emb");
  EXPECT_EQ(client.post("/embed", R"({"inputs": "a"})").body, "[[5.0,0.0]]");
}

}  // namespace
}  // namespace onecopy::gateway
