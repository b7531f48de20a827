// The whole gateway, from the socket to fake workers and back, when all is well.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/gateway/test_gateway.h"

namespace onecopy::gateway {
namespace {

using testing::HasSubstr;

class ServingTest : public testing::Test {
 protected:
  void SetUp() override {
    gateway_.add_worker();
    gateway_.ready();
  }
  TestGateway gateway_;
  RawClient client_ = gateway_.connect();
};

TEST_F(ServingTest, AnswersAQuestionInAPost) {
  const RawReply reply =
      client_.post("/qa/qa0", R"({"question": "Who?", "context": "Ada wrote it."})");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body, R"({"score": 0.5, "start": 0, "end": 1, "answer": "A"})");
  EXPECT_EQ(reply.header("Content-Type"), "application/json");
  EXPECT_EQ(reply.header("Connection"), "keep-alive");
}

TEST_F(ServingTest, AnswersAQuestionInAnAddress) {
  const RawReply reply = client_.get("/qa0?question=Who?&context=%C3%9Cber+a=b");
  EXPECT_EQ(reply.status, 200) << reply.body;
  EXPECT_EQ(client_.get("/qa/qa1?question=Who%3f&context=x&top_k=1").status, 200);
}

TEST_F(ServingTest, ClassifiesText) {
  const std::string expected = R"({"yes": 0.75, "no": 0.25})";
  EXPECT_EQ(client_.post("/predictions/cls", "a text").body, expected);
  EXPECT_EQ(client_.post("/predictions/cls/1", R"({"text": "a text"})").body, expected);
}

TEST_F(ServingTest, EmbedsAListInItsOrder) {
  EXPECT_EQ(client_.post("/embed", R"({"inputs": ["a", "", "abc"]})").body,
            "[[1.0,0.5],[0.0,0.5],[3.0,0.5]]");
  EXPECT_EQ(client_.post("/embed", R"({"inputs": "ab"})").body, "[[2.0,0.5]]");
}

TEST_F(ServingTest, ReportsHealthOnBothPorts) {
  EXPECT_EQ(client_.get("/healthz").status, 200);
  RawClient management(gateway_.management_port());
  EXPECT_EQ(management.get("/healthz").status, 200);
  EXPECT_EQ(management.get("/v2/health/live").body, R"({"live": true})");
  EXPECT_EQ(management.get("/v2/health/ready").body, R"({"ready": true})");
  EXPECT_EQ(management.post("/embed", R"({"inputs": "a"})").status, 404);
}

}  // namespace
}  // namespace onecopy::gateway
