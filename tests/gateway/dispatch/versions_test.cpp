// Several versions of a model: which one answers, and what becomes of those that go.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <mutex>
#include <thread>

#include "tests/gateway/test_gateway.h"

namespace onecopy::gateway {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const std::string kText = R"({"inputs": "a"})";

// Its answer is the version that it was asked for.
std::optional<WorkReply> answer_version(const WorkRequest& request) {
  WorkReply reply = *answer_plainly(request);
  if (request.task == Task::kEmbedding) reply.values[0] = static_cast<float>(version_of(request));
  return reply;
}

class VersionsTest : public testing::Test {
 protected:
  VersionsTest() {
    gateway_.add_worker(answer_version);
    for (const std::uint32_t version : {2U, 3U}) gateway_.add_model("emb", version);
  }
  void set_traffic(const TrafficEntry& traffic) {
    gateway_.host().registry.traffic["emb"] = traffic;
    gateway_.host().publish();
  }
  std::string version_of_reply(const RawReply& reply) const {
    EXPECT_EQ(reply.status, 200) << reply.body;
    std::string version = reply.header("X-Model-Version");
    EXPECT_EQ(reply.body, "[[" + version + ".0,0.5]]");
    return version;
  }
  TestGateway gateway_;
  RawClient client_ = gateway_.connect();
};

TEST_F(VersionsTest, TheDefaultAnswersUnlessOneIsNamed) {
  EXPECT_EQ(version_of_reply(client_.post("/embed", kText)), "1");
  EXPECT_EQ(version_of_reply(client_.post("/embed/emb", kText)), "1");
  EXPECT_EQ(version_of_reply(client_.post("/embed/emb/2", kText)), "2");
  EXPECT_EQ(
      version_of_reply(client_.post("/embed", R"({"inputs": "a", "model": "emb", "version": 3})")),
      "3");
  gateway_.host().registry.defaults["emb"] = 3;
  gateway_.host().publish();
  EXPECT_EQ(version_of_reply(client_.post("/embed", kText)), "3");
}

TEST_F(VersionsTest, EveryEndpointTakesAVersion) {
  gateway_.add_model("qa0", 2);
  gateway_.add_model("cls", 7);
  EXPECT_EQ(client_.get("/qa/qa0/2?question=q&context=c").header("X-Model-Version"), "2");
  EXPECT_EQ(client_.get("/qa0?question=q&context=c").header("X-Model-Version"), "1");
  EXPECT_EQ(client_.post("/predictions/cls/7", "x").header("X-Model-Version"), "7");
  EXPECT_EQ(client_.post("/predictions/qa0/2", R"({"question": "q", "context": "c"})")
                .header("X-Model-Version"),
            "2");
}

TEST_F(VersionsTest, WrongVersionsAreNamed) {
  for (const char* version : {"0", "-1", "x", "99999999999999999999", "1.0"}) {
    const RawReply reply = client_.post(fmt::format("/embed/emb/{}", version), kText);
    EXPECT_EQ(reply.status, 404);
    EXPECT_THAT(reply.error(), HasSubstr(fmt::format("'{}' is no version", version)));
  }
  const RawReply missing = client_.post("/embed/emb/4", kText);
  EXPECT_EQ(missing.status, 404);
  EXPECT_THAT(missing.error(), HasSubstr("there are: 1, 2, 3"));
  EXPECT_EQ(client_.post("/embed", R"({"inputs": "a", "model": "emb", "version": 0})").status, 400);
  EXPECT_EQ(client_.post("/embed/emb", R"({"inputs": "a", "model": "emb"})").status, 400);
}

TEST_F(VersionsTest, SharesAreFollowedAndStickyByAHeader) {
  TrafficEntry traffic;
  traffic.shares = {{1, 50}, {2, 50}};
  traffic.sticky_header = "X-User";
  set_traffic(traffic);
  std::map<std::string, int> counts;
  for (int user = 0; user < 40; ++user) {
    const std::string header = fmt::format("x-user: user {}\r\n", user);
    const std::string version = version_of_reply(client_.post("/embed", kText, header));
    ++counts[version];
    EXPECT_EQ(version_of_reply(client_.post("/embed/emb", kText, header)), version);
  }
  EXPECT_GT(counts["1"], 0);
  EXPECT_GT(counts["2"], 0);
  EXPECT_EQ(counts.size(), 2U);
  // Who names a version is not shared out.
  EXPECT_EQ(version_of_reply(client_.post("/embed/emb/3", kText, "X-User: user 1\r\n")), "3");
}

TEST_F(VersionsTest, AVersionThatCannotBeOpenedGetsNoShare) {
  gateway_.host().add_model("lost", 1);
  gateway_.host().registry.traffic["lost"].shares = {{1, 100}};
  EXPECT_EQ(gateway_.host().publish().at("failed").size(), 1U);
  EXPECT_EQ(client_.post("/embed/lost", kText).status, 404);
}

TEST_F(VersionsTest, ARequestUnderWayIsAnsweredByTheVersionThatIsDeletedMeanwhile) {
  Door door;
  TestGateway gateway;
  gateway.add_model("emb", 2);
  FakeWorker& worker = gateway.add_worker([&](const WorkRequest& request) {
    door.wait();
    return answer_version(request);
  });
  RawClient under_way = gateway.connect();
  RawClient queued = gateway.connect();
  under_way.send(post_request("/embed/emb/2", kText));
  settle(gateway, under_way);
  queued.send(post_request("/embed/emb/2", kText));
  settle(gateway, queued);
  gateway.host().remove_model("emb", 2);
  gateway.host().publish();
  EXPECT_EQ(gateway.connect().post("/embed/emb/2", kText).status, 404);
  door.open();
  EXPECT_EQ(version_of_reply(under_way.read_reply()), "2");
  EXPECT_EQ(version_of_reply(queued.read_reply()), "2");
  while (!worker.attached().empty()) std::this_thread::yield();
}

TEST_F(VersionsTest, WorkersLetGoOfWhatNobodyNeeds) {
  TestGateway gateway;
  FakeWorker& one = gateway.add_worker();
  FakeWorker& other = gateway.add_worker();
  RawClient client = gateway.connect();
  EXPECT_EQ(client.post("/embed", R"({"inputs": ["a", "b", "c"]})").status, 200);
  EXPECT_FALSE(one.attached().empty() && other.attached().empty());
  const std::string first = gateway.host().registry.find("emb", 1)->segment;
  gateway.add_model("emb", 1);  // another generation
  while (one.attached().contains(first) || other.attached().contains(first)) {
    std::this_thread::yield();
  }
  EXPECT_EQ(client.post("/embed", kText).status, 200);
}

TEST_F(VersionsTest, ManyReloadsUnderLoadLoseNothing) {
  std::atomic<bool> stop = false;
  std::atomic<int> failed = 0;
  std::atomic<int> answered = 0;
  std::thread client([&] {
    RawClient connection = gateway_.connect();
    while (!stop) {
      const RawReply reply = connection.post("/embed", kText);
      ++(reply.status == 200 ? answered : failed);
    }
  });
  for (int i = 0; i < 50; ++i) gateway_.add_model("emb", 1);
  while (answered < 50 && failed == 0) std::this_thread::yield();
  stop = true;
  client.join();
  EXPECT_EQ(failed, 0);
}

TEST_F(VersionsTest, AShadowComputesWhatIsAskedAndIsNotHeard) {
  std::mutex mutex;
  std::vector<std::uint32_t> computed;
  Door shadow_done;
  TestGateway gateway;
  gateway.add_model("emb", 2);
  gateway.host().registry.traffic["emb"] = {{{1, 100}}, {{2, 100}}, ""};
  gateway.host().publish();
  gateway.add_worker([&](const WorkRequest& request) {
    {
      const std::scoped_lock lock(mutex);
      computed.push_back(version_of(request));
    }
    if (version_of(request) == 2) shadow_done.open();
    WorkReply reply = *answer_version(request);
    if (version_of(request) == 2) reply.error = Error{ErrorCode::kInternal, "the new one fails"};
    return std::optional(reply);
  });
  RawClient client = gateway.connect();
  EXPECT_EQ(version_of_reply(client.post("/embed", kText)), "1");
  shadow_done.wait();
  const auto shadow_of = [&](const char* version) {
    return gateway.manage("GET", fmt::format("/models/emb/{}", version)).json()[0].at("shadow");
  };
  while (shadow_of("2").at("requests") == 0) std::this_thread::yield();
  EXPECT_EQ(shadow_of("2").at("errors"), 1);
  EXPECT_EQ(shadow_of("1").at("requests"), 0);
  EXPECT_EQ(gateway.manage("GET", "/models/emb/2").json()[0].at("requests"), 0);
  const std::scoped_lock lock(mutex);
  EXPECT_THAT(computed, ElementsAre(1, 2));
}

// It was started because nobody else needed the worker; then somebody does.
TEST_F(VersionsTest, AShadowMakesWayForARequest) {
  Door shadow_started;
  std::atomic<bool> was_cancelled = false;
  TestGateway gateway;
  gateway.add_model("emb", 2);
  gateway.host().registry.traffic["emb"] = {{{1, 100}}, {{2, 100}}, ""};
  gateway.host().publish();
  FakeWorker* worker = nullptr;
  worker = &gateway.add_worker([&](const WorkRequest& request) {
    if (version_of(request) != 2) return answer_version(request);
    shadow_started.open();
    while (worker->cancelled() == 0) {
      worker->show_progress();
      std::this_thread::yield();
    }
    was_cancelled = true;
    return answer_version(request);
  });
  RawClient client = gateway.connect();
  EXPECT_EQ(version_of_reply(client.post("/embed", kText)), "1");
  shadow_started.wait();
  EXPECT_EQ(version_of_reply(client.post("/embed/emb/1", kText)), "1");
  EXPECT_TRUE(was_cancelled);
}

}  // namespace
}  // namespace onecopy::gateway
