// The answer cache, between real workers and what an operator changes.
#include <gtest/gtest.h>

#include "tests/e2e/server_process.h"

namespace onecopy::e2e {
namespace {

struct Asked {
  std::string cache;
  std::string version;
  std::string body;
};

Asked ask(const ServerProcess& server) {
  const auto reply = server.client().Post("/qa/qa0", kBridgeQuestion.dump(), "application/json");
  EXPECT_TRUE(reply && reply->status == 200);
  if (!reply) return {};
  return {reply->get_header_value("X-Cache"), reply->get_header_value("X-Model-Version"),
          reply->body};
}

TEST(AnswerCache, AnswersAgainUntilAnotherVersionServes) {
  ServerProcess server({"--workers", "1", "--answer-cache-mb", "1", "--model",
                        "qa0=" + model_folder("tiny-bert-qa"), "--model-root",
                        golden_folder() + "/models"});
  ASSERT_TRUE(server.running()) << server.output();
  const Asked first = ask(server);
  EXPECT_EQ(first.cache, "miss");
  const Asked second = ask(server);
  EXPECT_EQ(second.cache, "hit");
  EXPECT_EQ(second.body, first.body);

  httplib::Client management("localhost", server.management_port());
  management.set_read_timeout(120);
  EXPECT_EQ(Json::parse(management.Get("/cache")->body).at("hits"), 1);
  ASSERT_EQ(management.Post("/models?url=tiny-roberta-qa&model_name=qa0&synchronous=true")->status,
            200);
  EXPECT_EQ(ask(server).cache, "hit");  // the old version serves still
  ASSERT_EQ(management.Put("/models/qa0/2/set-default")->status, 200);
  const Asked third = ask(server);
  EXPECT_EQ(third.cache, "miss");
  EXPECT_EQ(third.version, "2");
  EXPECT_NE(third.body, first.body);
  EXPECT_EQ(ask(server).body, third.body);

  EXPECT_EQ(management.Delete("/cache")->status, 200);
  EXPECT_EQ(ask(server).cache, "miss");
  EXPECT_EQ(server.stop(), 0);
}

}  // namespace
}  // namespace onecopy::e2e
