// What the gateway says to requests that it cannot serve.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "shared/base/limits.h"
#include "tests/gateway/test_gateway.h"

namespace onecopy::gateway {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class ErrorsTest : public testing::Test {
 protected:
  void SetUp() override {
    gateway_.add_worker();
    gateway_.ready();
  }
  void TearDown() override {
    // Whatever was refused, the same connection goes on serving.
    EXPECT_EQ(client_.get("/qa0?question=q&context=c").status, 200);
  }
  void expect(const RawReply& reply, int status, const std::string& text) {
    EXPECT_EQ(reply.status, status) << reply.body;
    EXPECT_THAT(reply.error(), HasSubstr(text));
    EXPECT_EQ(reply.header("Content-Type"), "application/json");
  }
  TestGateway gateway_;
  RawClient client_ = gateway_.connect();
};

TEST_F(ErrorsTest, UnknownAddresses) {
  expect(client_.get("/nowhere"), 404, "nothing at '/nowhere'; there are /qa{N}");
  expect(client_.get("/qa"), 404, "/qa");
  expect(client_.get("/qa/"), 404, "/qa/");
  expect(client_.get("/qa0x?question=q&context=c"), 404, "/qa0x");
  expect(client_.get("/qa/qa0/1/2"), 404, "/qa/qa0/1/2");
  expect(client_.get("/%00%ff"), 404, "nothing at");
}

TEST_F(ErrorsTest, WrongMethods) {
  const RawReply reply = client_.get("/embed");
  expect(reply, 405, "GET is not for '/embed'; use POST");
  EXPECT_EQ(reply.header("Allow"), "POST");
  const RawReply health = client_.post("/healthz", "");
  EXPECT_EQ(health.status, 405);
  EXPECT_EQ(health.header("Allow"), "GET, HEAD");
  EXPECT_EQ(client_.post("/qa0", "{}").header("Allow"), "GET, HEAD");
}

TEST_F(ErrorsTest, HeadHasTheLengthAndNoBody) {
  client_.send("HEAD /healthz HTTP/1.1\r\nHost: t\r\n\r\n");
  const RawReply reply = client_.read_reply(true);
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.header("Content-Length"), "16");
}

TEST_F(ErrorsTest, UnknownModelsAndVersions) {
  const std::string body = R"({"question": "q", "context": "c"})";
  expect(client_.post("/qa/qa9", body), 404, "no model named 'qa9'; there are: cls, emb, qa0, qa1");
  expect(client_.get("/qa7?question=q&context=c"), 404, "'qa7'");
  expect(client_.post("/predictions/cls/2", "x"), 404, "model cls has no version 2; there are: 1");
  expect(client_.post("/predictions/cls/one", "x"), 404, "'one' is no version");
  expect(client_.post("/embed", R"({"inputs": "a", "model": "none"})"), 404, "'none'");
}

TEST_F(ErrorsTest, ModelsOfAnotherTask) {
  const std::string body = R"({"question": "q", "context": "c"})";
  expect(client_.post("/qa/emb", body), 400, "model emb is for");
  expect(client_.post("/qa/cls", body), 400, "use /predictions/{model}");
  expect(client_.post("/predictions/emb", "x"), 400, "use /embed");
  expect(client_.post("/embed", R"({"inputs": "a", "model": "qa0"})"), 400, "use /qa/{model}");
}

TEST_F(ErrorsTest, QuestionsToPredictions) {
  const RawReply reply = client_.post("/predictions/qa0", R"({"question": "q", "context": "c"})");
  EXPECT_EQ(reply.body, R"({"score": 0.5, "start": 0, "end": 1, "answer": "c"})");
  expect(client_.post("/predictions/qa0", "just text"), 400, "JSON");
}

TEST_F(ErrorsTest, Fields) {
  expect(client_.post("/qa/qa0", "{"), 400, "JSON");
  expect(client_.post("/qa/qa0", ""), 400, "the body is empty");
  expect(client_.post("/qa/qa0", R"({"question": "", "context": ""})"), 400, "question");
  expect(client_.get("/qa0?question=q&context=c&colour=red"), 400, "unknown parameter 'colour'");
  expect(client_.get("/qa0?question=q"), 400, "context is missing");
  expect(client_.get("/qa0?question=%ff&context=c"), 400, "UTF-8");
  expect(client_.post("/qa/qa0?top_k=3", R"({"question": "q", "context": "c"})"), 400, "top_k");
  expect(client_.post("/predictions/cls", "x", "Content-Type: image/png\r\n"), 415, "image/png");
  expect(client_.get("/qa0?question=q&context=c", "X-Request-Timeout-Ms: soon\r\n"), 400, "'soon'");
}

TEST_F(ErrorsTest, TextsThatAreTooLong) {
  const std::string text(limits::kTextBytes + 1, 'a');
  expect(client_.post("/predictions/cls", text), 413, "1048577");
  expect(client_.post("/embed", R"({"inputs": [")" + text + "\"]}"), 413, "inputs[0]");
}

TEST_F(ErrorsTest, SeveralEmbeddingModels) {
  gateway_.add_model("emb2");
  expect(client_.post("/embed", R"({"inputs": "a"})"), 400, "emb, emb2");
  EXPECT_EQ(client_.post("/embed", R"({"inputs": "a", "model": "emb2"})").status, 200);
}

TEST_F(ErrorsTest, ASegmentThatCannotBeReadIsNoModel) {
  const Json applied = gateway_.add_model("lost");
  EXPECT_EQ(applied.at("failed").size(), 1U);
  EXPECT_EQ(applied.at("failed")[0].at("error"), "no such segment");
  expect(client_.post("/qa/lost", "{}"), 404, "'lost'");
  const RawReply health = client_.get("/healthz");
  EXPECT_EQ(health.status, 503);
  EXPECT_EQ(health.json().at("status"), "models failed");
  EXPECT_EQ(health.json().at("failed")[0].at("model"), "lost");
  gateway_.host().remove_model("lost", 1);
  gateway_.host().registry.defaults.erase("lost");
  EXPECT_TRUE(gateway_.host().publish().at("failed").empty());
  EXPECT_EQ(client_.get("/healthz").status, 200);
}

TEST(StartUp, IsUnreadyUntilThereAreModels) {
  TestGateway gateway({}, false);
  RawClient client = gateway.connect();
  EXPECT_EQ(client.get("/healthz").status, 503);
  EXPECT_EQ(client.get("/v2/health/ready").body, R"({"ready": false, "reason": "starting"})");
  EXPECT_EQ(client.get("/v2/health/live").status, 200);
  const RawReply early = client.get("/qa0?question=q&context=c");
  EXPECT_EQ(early.status, 503);
  EXPECT_NE(early.header("Retry-After"), "");
  EXPECT_EQ(client.post("/embed", R"({"inputs": "a"})").status, 503);
  gateway.add_model("qa0");
  EXPECT_EQ(client.get("/v2/health/ready").json().at("reason"), "no workers");
  EXPECT_EQ(client.post("/embed", R"({"inputs": "a"})").error(), "no embedding model is loaded");
  gateway.host().remove_model("qa0", 1);
  gateway.host().registry.defaults.clear();
  gateway.host().publish();
  EXPECT_EQ(client.get("/qa0?question=q&context=c").error(), "no models are loaded");
}

TEST(WorkerErrors, BecomeStatusCodes) {
  TestGateway gateway;
  gateway.add_worker([](const WorkRequest& request) {
    WorkReply reply;
    const auto code = static_cast<ErrorCode>(std::stoi(std::string(request.text)));
    reply.error = Error{code, "as the worker says"};
    return reply;
  });
  RawClient client = gateway.connect();
  gateway.ready();
  EXPECT_EQ(client.get("/qa0?question=1&context=c").status, 400);
  EXPECT_EQ(client.get("/qa0?question=3&context=c").status, 413);
  const RawReply reply = client.get("/qa0?question=7&context=c");
  EXPECT_EQ(reply.status, 500);
  EXPECT_EQ(reply.error(), "as the worker says");
  // The first error answers the whole call.
  EXPECT_EQ(client.post("/embed", R"({"inputs": ["1", "7", "7"]})").status, 400);
}

}  // namespace
}  // namespace onecopy::gateway
