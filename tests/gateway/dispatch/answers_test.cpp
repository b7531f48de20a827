// Requests that come again, and the same ones at the same time.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <limits>
#include <mutex>
#include <thread>

#include "tests/gateway/test_gateway.h"

namespace onecopy::gateway {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Texts = std::vector<std::string>;

Settings with_cache(std::size_t queued_items = 100) {
  Settings settings;
  settings.answer_cache_bytes = 1 << 20;
  settings.queued_items = queued_items;
  return settings;
}

std::string embed(const std::string& inputs, const std::string& headers = "") {
  return post_request("/embed", R"({"inputs": )" + inputs + "}", headers);
}

class AnswersTest : public testing::Test {
 protected:
  // Notes the text, then does as `behaviour`.
  Behaviour noting(const Behaviour& behaviour = answer_plainly) {
    return [this, behaviour](const WorkRequest& request) {
      {
        const std::scoped_lock lock(mutex_);
        computed_.emplace_back(request.text);
      }
      return behaviour(request);
    };
  }
  Texts computed() {
    const std::scoped_lock lock(mutex_);
    return computed_;
  }
  RawReply ask(const std::string& request) {
    client_.send(request);
    return client_.read_reply();
  }
  // Sends it and waits until the gateway has it.
  RawClient& send(const std::string& request) {
    clients_.push_back(std::make_unique<RawClient>(gateway_.connect()));
    clients_.back()->send(request);
    settle(gateway_, *clients_.back());
    return *clients_.back();
  }
  void leave(RawClient& client) {
    client.close();
    settle(gateway_, client);
  }
  Json counts() { return gateway_.manage("GET", "/cache").json(); }
  void expect(const RawReply& reply, const std::string& cache, const std::string& body) {
    EXPECT_EQ(reply.status, 200);
    EXPECT_EQ(reply.header("X-Cache"), cache);
    EXPECT_EQ(reply.body, body);
  }

  // All that workers use: they end with the gateway.
  std::mutex mutex_;
  Texts computed_;
  Door door_;
  std::atomic<int> count_ = 0;
  std::atomic<std::uint64_t> cancelled_ = 0;
  TestGateway gateway_{with_cache()};
  RawClient client_ = gateway_.connect();
  std::vector<std::unique_ptr<RawClient>> clients_;
};

// ---- what was answered before ----

TEST_F(AnswersTest, TheSecondAskingIsAHit) {
  gateway_.add_worker(noting());
  expect(ask(embed(R"("a")")), "miss", "[[1.0,0.5]]");
  expect(ask(embed(R"("a")")), "hit", "[[1.0,0.5]]");
  EXPECT_THAT(computed(), ElementsAre("a"));
  const Json cache = counts();
  EXPECT_EQ(cache.at("hits"), 1);
  EXPECT_EQ(cache.at("misses"), 1);
  EXPECT_EQ(cache.at("joined"), 0);
  EXPECT_EQ(cache.at("entries"), 1);
  EXPECT_EQ(cache.at("evictions"), 0);
  EXPECT_GT(cache.at("bytes"), 0);
  EXPECT_EQ(cache.at("max_bytes"), 1 << 20);
  EXPECT_EQ(gateway_.manage("GET", "/models/emb").json()[0].at("requests"), 2);
}

TEST_F(AnswersTest, ForEveryTask) {
  gateway_.add_worker(noting());
  const std::vector<std::string> requests{
      get_request("/qa0?question=q&context=Ada"), get_request("/qa/qa1?question=q&context=Ada"),
      post_request("/predictions/cls", "a text"), embed(R"(["a", "b"])")};
  for (const std::string& request : requests) {
    const RawReply first = ask(request);
    EXPECT_EQ(first.header("X-Cache"), "miss");
    const RawReply second = ask(request);
    expect(second, "hit", first.body);
    EXPECT_EQ(second.header("X-Model-Version"), "1");
  }
  EXPECT_EQ(computed().size(), 5U);
}

TEST_F(AnswersTest, AHitNeedsNoWorker) {
  gateway_.add_worker([](const WorkRequest& request) {
    return request.text == "a" ? answer_plainly(request) : die(request);
  });
  expect(ask(embed(R"("a")")), "miss", "[[1.0,0.5]]");
  send(embed(R"("bb")"));
  gateway_.wait_for_death();
  expect(ask(embed(R"("a")")), "hit", "[[1.0,0.5]]");
}

TEST_F(AnswersTest, OfAListOnlyWhatIsMissingIsComputed) {
  gateway_.add_worker(noting());
  expect(ask(embed(R"(["a", "bb"])")), "miss", "[[1.0,0.5],[2.0,0.5]]");
  expect(ask(embed(R"(["bb", "ccc", "a"])")), "miss", "[[2.0,0.5],[3.0,0.5],[1.0,0.5]]");
  expect(ask(embed(R"(["ccc", "a"])")), "hit", "[[3.0,0.5],[1.0,0.5]]");
  EXPECT_THAT(computed(), ElementsAre("a", "bb", "ccc"));
  EXPECT_EQ(counts().at("hits"), 4);
}

TEST_F(AnswersTest, AnotherVersionParameterOrModelIsAsked) {
  gateway_.add_worker(noting());
  gateway_.add_model("emb", 2);
  const std::string question = "/qa0?question=q&context=Ada";
  for (const std::string& request :
       {embed(R"("a")"), post_request("/embed/emb/2", R"({"inputs": "a"})"),
        post_request("/embed", R"({"inputs": "a", "normalize": true})"), get_request(question),
        get_request(question + "&top_k=2"), get_request("/qa1?question=q&context=Ada")}) {
    EXPECT_EQ(ask(request).header("X-Cache"), "miss");
  }
  EXPECT_EQ(computed().size(), 6U);
  gateway_.add_model("emb", 1);  // loaded again
  EXPECT_EQ(ask(embed(R"("a")")).header("X-Cache"), "miss");
  EXPECT_EQ(computed().size(), 7U);
}

TEST_F(AnswersTest, NoCacheComputesAnewAndRefreshes) {
  gateway_.add_worker([this](const WorkRequest& request) {
    WorkReply reply = *answer_plainly(request);
    reply.values[1] = static_cast<float>(++count_);
    return reply;
  });
  expect(ask(embed(R"("a")")), "miss", "[[1.0,1.0]]");
  expect(ask(embed(R"("a")", "Cache-Control: no-cache\r\n")), "miss", "[[1.0,2.0]]");
  expect(ask(embed(R"("a")")), "hit", "[[1.0,2.0]]");
  expect(ask(embed(R"("a")", "Cache-Control: max-age=0 , No-Cache\r\n")), "miss", "[[1.0,3.0]]");
  expect(ask(embed(R"("a")", "Cache-Control: max-age=0\r\n")), "hit", "[[1.0,3.0]]");
}

TEST_F(AnswersTest, ErrorsAreNotKept) {
  gateway_.add_worker([this](const WorkRequest& request) {
    WorkReply reply = *answer_plainly(request);
    ++count_;
    if (count_ == 1) reply.error = Error{ErrorCode::kInvalidArgument, "not now"};
    if (count_ == 2) reply.values[0] = std::numeric_limits<float>::quiet_NaN();
    if (count_ == 3) reply.values.pop_back();
    return reply;
  });
  for (const int status : {400, 500, 500}) {
    const RawReply refused = ask(embed(R"("a")"));
    EXPECT_EQ(refused.status, status);
    EXPECT_EQ(refused.header("X-Cache"), "");
  }
  EXPECT_EQ(counts().at("entries"), 0);
  expect(ask(embed(R"("a")")), "miss", "[[1.0,0.5]]");
  expect(ask(embed(R"("a")")), "hit", "[[1.0,0.5]]");
}

TEST_F(AnswersTest, IsEmptiedByTheManagementPort) {
  gateway_.add_worker(noting());
  ask(embed(R"("a")"));
  EXPECT_EQ(gateway_.manage("DELETE", "/cache?all=1").status, 400);
  EXPECT_EQ(gateway_.manage("DELETE", "/cache").body, R"({"status":"Cache emptied"})");
  EXPECT_EQ(counts().at("entries"), 0);
  EXPECT_EQ(counts().at("bytes"), 0);
  EXPECT_EQ(ask(embed(R"("a")")).header("X-Cache"), "miss");
}

// ---- the same at the same time ----

TEST_F(AnswersTest, IsComputedOnceForAllWhoWait) {
  gateway_.add_worker(noting(behind(door_)));
  for (int i = 0; i < 3; ++i) send(embed(R"("a")"));
  send(embed(R"(["a", "bb", "a"])"));
  door_.open();
  for (int i = 0; i < 3; ++i)
    expect(clients_[static_cast<std::size_t>(i)]->read_reply(), "miss", "[[1.0,0.5]]");
  expect(clients_[3]->read_reply(), "miss", "[[1.0,0.5],[2.0,0.5],[1.0,0.5]]");
  EXPECT_THAT(computed(), ElementsAre("a", "bb"));
  EXPECT_EQ(counts().at("joined"), 4);
  EXPECT_EQ(counts().at("misses"), 2);
  EXPECT_EQ(gateway_.manage("GET", "/models/emb").json()[0].at("requests"), 4);
}

TEST_F(AnswersTest, TheFirstMayLeave) {
  FakeWorker* worker = nullptr;
  worker = &gateway_.add_worker(noting([&](const WorkRequest& request) {
    door_.wait();
    cancelled_ = worker->cancelled();
    return answer_plainly(request);
  }));
  RawClient& first = send(embed(R"("a")"));
  RawClient& second = send(embed(R"("a")"));
  leave(first);
  RawClient& third = send(embed(R"("a")"));
  door_.open();
  expect(second.read_reply(), "miss", "[[1.0,0.5]]");
  expect(third.read_reply(), "miss", "[[1.0,0.5]]");
  EXPECT_THAT(computed(), ElementsAre("a"));
  EXPECT_EQ(cancelled_, 0U);
}

TEST_F(AnswersTest, WithTheLastItIsGivenUpOnItsWorker) {
  FakeWorker* worker = nullptr;
  worker = &gateway_.add_worker(noting([&](const WorkRequest& request) {
    door_.wait();
    if (++count_ == 1) cancelled_ = worker->cancelled();
    return answer_plainly(request);
  }));
  RawClient& first = send(embed(R"("a")"));
  RawClient& second = send(embed(R"("a")"));
  leave(first);
  leave(second);
  RawClient& third = send(embed(R"("a")"));  // joins nothing that was given up
  door_.open();
  expect(third.read_reply(), "miss", "[[1.0,0.5]]");
  EXPECT_EQ(cancelled_, 1U);
  EXPECT_THAT(computed(), ElementsAre("a", "a"));
}

TEST_F(AnswersTest, WithTheLastItLeavesTheQueue) {
  RawClient& first = send(embed(R"("a")"));
  RawClient& second = send(embed(R"(["bb", "a"])"));
  leave(first);
  leave(second);
  gateway_.add_worker(noting());
  expect(ask(embed(R"("ccc")")), "miss", "[[3.0,0.5]]");
  EXPECT_THAT(computed(), ElementsAre("ccc"));
}

TEST_F(AnswersTest, EachWaitsUntilItsOwnDeadline) {
  gateway_.add_worker(noting(behind(door_)));
  const std::string soon = "X-Request-Timeout-Ms: 100\r\n";
  RawClient& first = send(embed(R"("a")", soon));
  RawClient& second = send(embed(R"("a")"));
  RawClient& third = send(embed(R"("a")", soon));
  EXPECT_EQ(first.read_reply().status, 504);
  const RawReply late = third.read_reply();
  EXPECT_EQ(late.status, 504);
  EXPECT_THAT(late.error(), HasSubstr("no answer within 100 ms"));
  door_.open();
  expect(second.read_reply(), "miss", "[[1.0,0.5]]");
  EXPECT_THAT(computed(), ElementsAre("a"));
}

// A worker that it told the first one's deadline would drop it while others wait.
TEST_F(AnswersTest, AWorkerKnowsNoDeadlineOfWhatOthersMayWaitFor) {
  gateway_.add_worker([this](const WorkRequest& request) {
    count_ += request.deadline ? 1 : 0;
    return answer_plainly(request);
  });
  ask(embed(R"("a")"));
  EXPECT_EQ(count_, 0);
  ask(embed(R"("a")", "Cache-Control: no-cache\r\n"));
  EXPECT_EQ(count_, 1);
}

TEST_F(AnswersTest, AnErrorGoesToAllWhoWait) {
  gateway_.add_worker(noting([this](const WorkRequest& request) {
    door_.wait();
    WorkReply reply = *answer_plainly(request);
    if (++count_ == 1) reply.error = Error{ErrorCode::kInvalidArgument, "not now"};
    return reply;
  }));
  RawClient& first = send(embed(R"("a")"));
  RawClient& second = send(embed(R"("a")"));
  RawClient& list = send(embed(R"(["a", "bb", "a"])"));
  door_.open();
  for (RawClient* const client : {&first, &second, &list}) {
    const RawReply reply = client->read_reply();
    EXPECT_EQ(reply.status, 400);
    EXPECT_EQ(reply.error(), "not now");
  }
  expect(ask(embed(R"("a")")), "miss", "[[1.0,0.5]]");
}

TEST_F(AnswersTest, NoCacheJoinsNobody) {
  gateway_.add_worker(noting(behind(door_)));
  RawClient& first = send(embed(R"("a")"));
  RawClient& second = send(embed(R"("a")", "Cache-Control: no-cache\r\n"));
  RawClient& third = send(embed(R"("a")"));
  door_.open();
  for (RawClient* const client : {&first, &second, &third}) {
    expect(client->read_reply(), "miss", "[[1.0,0.5]]");
  }
  EXPECT_THAT(computed(), ElementsAre("a", "a"));
}

TEST_F(AnswersTest, AllOfAListIsQueuedOrNothing) {
  TestGateway gateway(with_cache(1));
  const auto send_to = [&](const std::string& request) {
    RawClient client = gateway.connect();
    client.send(request);
    settle(gateway, client);
    return client;
  };
  RawClient first = send_to(embed(R"("a")"));
  EXPECT_EQ(send_to(embed(R"(["a", "bb"])")).read_reply().status, 429);
  EXPECT_EQ(send_to(embed(R"("bb")")).read_reply().status, 429);
  RawClient second = send_to(embed(R"("a")"));  // needs no place in the queue
  const RawReply third = send_to(embed(R"("a")")).read_reply();
  EXPECT_EQ(third.status, 429);  // but there are as many who wait as places
  EXPECT_THAT(third.error(), HasSubstr("2 texts would wait"));
  gateway.add_worker(noting());
  expect(first.read_reply(), "miss", "[[1.0,0.5]]");
  expect(second.read_reply(), "miss", "[[1.0,0.5]]");
  EXPECT_THAT(computed(), ElementsAre("a"));
}

// ---- who has no part in it ----

TEST_F(AnswersTest, ShadowsNeitherReadNorFill) {
  gateway_.add_worker(noting([this](const WorkRequest& request) {
    if (version_of(request) == 2) ++count_;
    return answer_plainly(request);
  }));
  gateway_.add_model("emb", 2);
  gateway_.host().registry.traffic["emb"] = {{{1, 100}}, {{2, 100}}, ""};
  gateway_.host().publish();
  for (int asked = 1; asked <= 3; ++asked) {
    EXPECT_EQ(ask(embed(R"("a")")).header("X-Cache"), asked == 1 ? "miss" : "hit");
    while (count_ < asked) std::this_thread::yield();
  }
  EXPECT_EQ(counts().at("entries"), 1);
  EXPECT_EQ(ask(post_request("/embed/emb/2", R"({"inputs": "a"})")).header("X-Cache"), "miss");
}

TEST_F(AnswersTest, OffEverythingIsComputed) {
  TestGateway gateway;
  gateway.add_worker(noting(behind(door_)));
  RawClient first = gateway.connect();
  RawClient second = gateway.connect();
  first.send(embed(R"("a")"));
  second.send(embed(R"(["a", "a"])"));
  settle(gateway, first);
  settle(gateway, second);
  door_.open();
  expect(first.read_reply(), "", "[[1.0,0.5]]");
  expect(second.read_reply(), "", "[[1.0,0.5],[1.0,0.5]]");
  EXPECT_THAT(computed(), ElementsAre("a", "a", "a"));
  EXPECT_EQ(gateway.manage("GET", "/cache").json().at("max_bytes"), 0);
  EXPECT_EQ(gateway.manage("DELETE", "/cache").status, 200);
}

}  // namespace
}  // namespace onecopy::gateway
