// How what waits becomes batches, and that what happens to one request of a batch is its own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <mutex>

#include "shared/base/limits.h"
#include "tests/gateway/test_gateway.h"

namespace onecopy::gateway {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::SizeIs;
using Texts = std::vector<std::string>;

// The batches that workers were given, each as its requests' texts.
class Log {
 public:
  // Notes the batch, waits until `door` is open, and answers as `behaviour` does.
  BatchBehaviour worker(Door& door, const Behaviour& behaviour = answer_plainly) {
    return [this, &door, answer = one_by_one(behaviour)](std::span<const WorkRequest> requests) {
      Texts texts;
      for (const WorkRequest& request : requests) texts.emplace_back(request.text);
      {
        const std::scoped_lock lock(mutex_);
        batches_.push_back(std::move(texts));
      }
      door.wait();
      return answer(requests);
    };
  }
  std::vector<Texts> batches() {
    const std::scoped_lock lock(mutex_);
    return batches_;
  }
  std::vector<std::size_t> sizes() {
    std::vector<std::size_t> sizes;
    for (const Texts& batch : batches()) sizes.push_back(batch.size());
    return sizes;
  }

 private:
  std::mutex mutex_;
  std::vector<Texts> batches_;
};

std::string ask(const std::string& model, const std::string& question,
                std::size_t context_bytes = 1) {
  return get_request(
      fmt::format("/{}?question={}&context={:x>{}}", model, question, "", context_bytes));
}

class BatchesTest : public testing::Test {
 protected:
  // Sends it and waits until it is in the queue or on a worker.
  RawClient& send(const std::string& request) {
    clients_.push_back(std::make_unique<RawClient>(gateway_.connect()));
    clients_.back()->send(request);
    settle(gateway_, *clients_.back());
    return *clients_.back();
  }
  // Opens the door and reads every client's reply.
  std::vector<int> statuses() {
    door_.open();
    std::vector<int> statuses;
    for (auto& client : clients_) {
      if (client->fd() >= 0) statuses.push_back(client->read_reply().status);
    }
    return statuses;
  }
  // A worker whose first batch waits at one door and all others at the second.
  BatchBehaviour behind_two_doors() {
    return [this, batch = 0](std::span<const WorkRequest> requests) mutable {
      (++batch == 1 ? door_ : second_door_).wait();
      return one_by_one(answer_plainly)(requests);
    };
  }

  static Settings three_cores() {
    Settings settings;
    settings.cores = 3;
    return settings;
  }

  // All that workers use: they end with the gateway.
  Door door_;
  Door second_door_;
  Log log_;
  std::atomic<int> deaths_ = 0;
  TestGateway gateway_{three_cores()};
  std::vector<std::unique_ptr<RawClient>> clients_;
};

TEST_F(BatchesTest, ALoneRequestIsNotDelayedAndWhatWaitsMeanwhileGoesTogether) {
  gateway_.add_batch_worker(log_.worker(door_));
  for (const char* text : {"a", "b", "c", "d"}) send(ask("qa0", text));
  EXPECT_THAT(statuses(), ElementsAre(200, 200, 200, 200));
  EXPECT_THAT(log_.batches(), ElementsAre(Texts{"a"}, Texts{"b", "c", "d"}));
}

TEST_F(BatchesTest, AreOfOneModelInTurns) {
  gateway_.add_batch_worker(log_.worker(door_));
  for (const char* text : {"a0", "b0", "c0"}) send(ask("qa0", text));
  for (const char* text : {"a1", "b1"}) send(ask("qa1", text));
  send(ask("qa0", "d0"));
  EXPECT_THAT(statuses(), SizeIs(6));
  EXPECT_THAT(log_.batches(), ElementsAre(Texts{"a0"}, Texts{"b0", "c0", "d0"}, Texts{"a1", "b1"}));
}

TEST_F(BatchesTest, AreBoundedByTokens) {
  gateway_.add_batch_worker(log_.worker(door_));
  send(ask("qa0", "first"));
  for (const char* text : {"a", "b", "c", "d", "e"})
    send(ask("qa0", text, 450));   // 115 tokens each
  send(ask("qa0", "long", 3000));  // beyond the bound alone
  send(ask("qa0", "f"));
  EXPECT_THAT(statuses(), Each(200));
  EXPECT_THAT(log_.batches(), ElementsAre(Texts{"first"}, Texts{"a", "b", "c", "d"}, Texts{"e"},
                                          Texts{"long"}, Texts{"f"}));
}

// What a model cuts off costs nothing.
TEST_F(BatchesTest, CountNoMoreTokensThanAModelTakes) {
  gateway_.add_batch_worker(log_.worker(door_));
  send(post_request("/embed", R"({"inputs": "first"})"));
  for (int i = 0; i < 5; ++i) {
    send(post_request("/embed", fmt::format(R"({{"inputs": "{:x>100000}"}})", "")));
  }
  EXPECT_THAT(statuses(), Each(200));
  EXPECT_THAT(log_.sizes(), ElementsAre(1, 4, 1));  // 128 tokens each
}

TEST_F(BatchesTest, FitTheMailbox) {
  gateway_.add_batch_worker(log_.worker(door_));
  send(post_request("/embed", R"({"inputs": "first"})"));
  for (int i = 0; i < 4; ++i) {
    send(post_request("/embed", fmt::format(R"({{"inputs": "{:x>900000}"}})", "")));
  }
  EXPECT_THAT(statuses(), Each(200));
  EXPECT_THAT(log_.sizes(), ElementsAre(1, 2, 2));
}

TEST_F(BatchesTest, AreBoundedByItems) {
  gateway_.add_batch_worker(log_.worker(door_));
  std::string inputs = R"("")";
  for (std::size_t i = 0; i < limits::kBatchItems; ++i) inputs += R"(, "")";
  send(post_request("/embed", fmt::format(R"({{"inputs": [{}]}})", inputs)));
  EXPECT_THAT(statuses(), ElementsAre(200));
  EXPECT_THAT(log_.sizes(), ElementsAre(limits::kBatchItems, 1));
}

TEST_F(BatchesTest, AreSpreadOverIdleWorkers) {
  for (int i = 0; i < 3; ++i) gateway_.add_batch_worker(log_.worker(door_));
  gateway_.ready();
  send(post_request("/embed", R"({"inputs": ["a", "b", "c", "d", "e", "f", "g"]})"));
  EXPECT_THAT(statuses(), ElementsAre(200));
  EXPECT_THAT(log_.batches(), testing::UnorderedElementsAre(Texts{"a", "b", "c"}, Texts{"d", "e"},
                                                            Texts{"f", "g"}));
}

// More workers than cores would only take turns on them.
TEST_F(BatchesTest, AreSpreadOverNoMoreWorkersThanThereAreCores) {
  for (int i = 0; i < 5; ++i) gateway_.add_batch_worker(log_.worker(door_));
  gateway_.ready();
  send(post_request("/embed", R"({"inputs": ["a", "b", "c", "d", "e", "f", "g"]})"));
  EXPECT_THAT(statuses(), ElementsAre(200));
  EXPECT_THAT(log_.batches(), testing::UnorderedElementsAre(Texts{"a", "b", "c"}, Texts{"d", "e"},
                                                            Texts{"f", "g"}));
}

TEST_F(BatchesTest, EachRequestGetsItsOwnReply) {
  gateway_.add_batch_worker(log_.worker(door_, [](const WorkRequest& request) {
    WorkReply reply = *answer_plainly(request);
    if (request.text == "bad") reply.error = Error{ErrorCode::kInvalidArgument, "too bad"};
    return reply;
  }));
  send(post_request("/embed", R"({"inputs": "first"})"));
  RawClient& a = send(post_request("/embed", R"({"inputs": ["a", "bb"]})"));
  RawClient& bad = send(post_request("/embed", R"({"inputs": ["x", "bad", "y"]})"));
  RawClient& ccc = send(post_request("/embed", R"({"inputs": "ccc"})"));
  door_.open();
  EXPECT_EQ(a.read_reply().body, "[[1.0,0.5],[2.0,0.5]]");
  const RawReply refused = bad.read_reply();
  EXPECT_EQ(refused.status, 400);
  EXPECT_EQ(refused.error(), "too bad");
  EXPECT_EQ(ccc.read_reply().body, "[[3.0,0.5]]");
  EXPECT_THAT(log_.sizes(), ElementsAre(1, 6));
}

TEST_F(BatchesTest, AClientThatLeavesAbandonsItsOwnItem) {
  gateway_.add_batch_worker(behind_two_doors());
  RawClient& first = send(post_request("/embed", R"({"inputs": "first"})"));
  RawClient& a = send(post_request("/embed", R"({"inputs": "a"})"));
  RawClient& leaving = send(post_request("/embed", R"({"inputs": ["leaves", "too"]})"));
  RawClient& bb = send(post_request("/embed", R"({"inputs": "bb"})"));
  door_.open();
  EXPECT_EQ(first.read_reply().status, 200);  // the others are on the worker now
  leaving.close();
  settle(gateway_, leaving);
  second_door_.open();
  EXPECT_EQ(a.read_reply().body, "[[1.0,0.5]]");
  EXPECT_EQ(bb.read_reply().body, "[[2.0,0.5]]");
}

TEST_F(BatchesTest, ADeadlineOfOneIsItsOwn) {
  gateway_.add_batch_worker(behind_two_doors());
  RawClient& first = send(post_request("/embed", R"({"inputs": "first"})"));
  RawClient& a = send(post_request("/embed", R"({"inputs": "a"})"));
  RawClient& late =
      send(post_request("/embed", R"({"inputs": "late"})", "X-Request-Timeout-Ms: 200\r\n"));
  door_.open();
  EXPECT_EQ(first.read_reply().status, 200);
  EXPECT_EQ(late.read_reply().status, 504);
  second_door_.open();
  EXPECT_EQ(a.read_reply().body, "[[1.0,0.5]]");
}

class BatchDeathTest : public BatchesTest {
 protected:
  // A batch of five around the poison, which takes two workers with it; a third is there then.
  void ask_with(const std::string& poison, const Behaviour& behaviour) {
    gateway_.add_batch_worker(log_.worker(door_, behaviour));
    send(ask("qa0", "first"));
    for (const std::string text : {"a", "b"}) send(ask("qa0", text));
    poison_ = &send(ask("qa0", poison));
    for (const std::string text : {"c", "d"}) send(ask("qa0", text));
    door_.open();
    gateway_.wait_for_death();
    gateway_.add_batch_worker(log_.worker(door_, behaviour));
    gateway_.wait_for_death();
    gateway_.add_batch_worker(log_.worker(door_, behaviour));
  }
  RawClient* poison_ = nullptr;
};

TEST_F(BatchDeathTest, PoisonIsRefusedAndItsCompanionsSucceed) {
  ask_with("poison", [](const WorkRequest& request) {
    if (request.text == "poison") throw Crash();
    return answer_plainly(request);
  });
  for (const auto& client : clients_) {
    const RawReply reply = client->read_reply();
    EXPECT_EQ(reply.status, client.get() == poison_ ? 500 : 200) << reply.body;
  }
  // What has seen a death goes alone from then on.
  EXPECT_THAT(log_.batches(),
              ElementsAre(Texts{"first"}, Texts{"a", "b", "poison", "c", "d"}, Texts{"a"},
                          Texts{"b"}, Texts{"poison"}, Texts{"c"}, Texts{"d"}));
}

TEST_F(BatchDeathTest, KilledWorkersLoseNothing) {
  ask_with("unlucky", [&](const WorkRequest& request) -> std::optional<WorkReply> {
    if (request.text == "unlucky" && ++deaths_ <= 2) return std::nullopt;
    return answer_plainly(request);
  });
  for (const auto& client : clients_) EXPECT_EQ(client->read_reply().status, 200);
}

TEST_F(BatchDeathTest, FreshRequestsAreBatchedBehindThoseThatGoAlone) {
  gateway_.add_worker(die);
  send(post_request("/embed", R"({"inputs": ["a", "b"]})"));
  gateway_.wait_for_death();
  for (const char* text : {"c", "d"}) {
    send(post_request("/embed", fmt::format(R"({{"inputs": "{}"}})", text)));
  }
  gateway_.add_batch_worker(log_.worker(door_));
  EXPECT_THAT(statuses(), ElementsAre(200, 200, 200));
  EXPECT_THAT(log_.batches(), ElementsAre(Texts{"a"}, Texts{"b"}, Texts{"c", "d"}));
}

}  // namespace
}  // namespace onecopy::gateway
