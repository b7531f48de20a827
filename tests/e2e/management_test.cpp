// What an operator changes while clients ask.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <thread>
#include <vector>

#include "tests/e2e/server_process.h"

namespace onecopy::e2e {
namespace {

using ::testing::HasSubstr;

const Json kQuestion = {{"question", "Who built it?"},
                        {"context", "The bridge was built by Quatz in winter."}};

// Clients that ask one address all the time; counts what they get by status.
class Load {
 public:
  Load(const ServerProcess& server, const std::string& path, int clients = 4) {
    for (int i = 0; i < clients; ++i) {
      threads_.emplace_back([this, port = server.port(), path] { ask(port, path); });
    }
  }
  ~Load() { end(); }
  // How many were not answered with status 200.
  int end() {
    stop_ = true;
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
    return failed_;
  }
  int answered() const { return answered_; }

 private:
  void ask(int port, const std::string& path) {
    httplib::Client client("127.0.0.1", port);
    client.set_keep_alive(true);
    while (!stop_) {
      const auto reply = client.Post(path.c_str(), kQuestion.dump(), "application/json");
      ++(reply && reply->status == 200 ? answered_ : failed_);
    }
  }
  std::atomic<bool> stop_ = false;
  std::atomic<int> answered_ = 0;
  std::atomic<int> failed_ = 0;
  std::vector<std::thread> threads_;
};

class Management : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(server_.running()) << server_.output(); }

  std::pair<int, Json> manage(const std::string& method, const std::string& target,
                              const std::string& body = "") {
    httplib::Client client("localhost", server_.management_port());
    client.set_read_timeout(120);
    httplib::Request request;
    request.method = method;
    request.path = target;
    request.body = body;
    if (!body.empty()) request.set_header("Content-Type", "application/json");
    const auto reply = client.send(request);
    if (!reply) return {0, {}};
    return {reply->status, Json::parse(reply->body)};
  }
  void register_next() {
    const auto [status, reply] =
        manage("POST", "/models?url=tiny-roberta-qa&model_name=qa0&synchronous=true");
    ASSERT_EQ(status, 200) << reply;
  }
  std::string version_of(const httplib::Headers& headers = {}) {
    const auto reply =
        server_.client().Post("/qa/qa0", headers, kQuestion.dump(), "application/json");
    EXPECT_TRUE(reply && reply->status == 200);
    return reply ? reply->get_header_value("X-Model-Version") : "";
  }
  std::size_t workers() { return server_.processes("onecopy-worker").size(); }

  ServerProcess server_{{"--workers", "2", "--model", "qa0=" + model_folder("tiny-bert-qa"),
                         "--model-root", golden_folder() + "/models"}};
};

TEST_F(Management, FromOneVersionToASplit) {
  const Load load(server_, "/qa/qa0");
  register_next();
  EXPECT_EQ(server_.post("/qa/qa0/2", kQuestion).first, 200);
  EXPECT_EQ(version_of(), "1");
  const auto [status, reply] = manage(
      "PUT", "/models/qa0/traffic", R"({"shares": {"1": 90, "2": 10}, "sticky_header": "X-User"})");
  ASSERT_EQ(status, 200) << reply;
  std::map<std::string, int> counts;
  for (int i = 0; i < 400; ++i) ++counts[version_of()];
  EXPECT_GT(counts["1"], 300);
  EXPECT_GT(counts["2"], 5);
  for (int user = 0; user < 30; ++user) {
    const httplib::Headers headers = {{"X-User", "user " + std::to_string(user)}};
    EXPECT_EQ(version_of(headers), version_of(headers));
  }
  const Json both = manage("GET", "/models/qa0/all").second;
  ASSERT_EQ(both.size(), 2U);
  EXPECT_GT(both[1].at("requests"), 0);
  EXPECT_EQ(both[0].at("errors"), 0);
  EXPECT_EQ(both[1].at("errors"), 0);
}

TEST_F(Management, AShadowIsComputedAndNotHeard) {
  register_next();
  ASSERT_EQ(
      manage("PUT", "/models/qa0/traffic", R"({"shares": {"1": 100}, "shadow": {"2": 100}})").first,
      200);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(version_of(), "1");
  EXPECT_TRUE(eventually(
      [&] { return manage("GET", "/models/qa0/2").second[0].at("shadow").at("requests") > 0; }));
  EXPECT_EQ(manage("GET", "/models/qa0/2").second[0].at("requests"), 0);
}

TEST_F(Management, AVersionIsDeletedUnderLoadAndItsMemoryGoes) {
  const std::size_t names = server_.shared_memory().size();
  register_next();
  EXPECT_EQ(manage("DELETE", "/models/qa0/1").first, 403);
  Load load(server_, "/qa/qa0");
  ASSERT_EQ(manage("PUT", "/models/qa0/2/set-default").first, 200);
  ASSERT_EQ(manage("DELETE", "/models/qa0/1").first, 200);
  const int answered = load.answered();
  EXPECT_TRUE(eventually([&] { return load.answered() > answered + 50; }));
  EXPECT_EQ(load.end(), 0);
  EXPECT_EQ(server_.post("/qa/qa0/1", kQuestion).first, 404);
  EXPECT_EQ(version_of(), "2");
  EXPECT_TRUE(eventually([&] { return server_.shared_memory().size() == names; }));
}

TEST_F(Management, WorkersScaleUnderLoad) {
  Load load(server_, "/qa/qa0", 16);
  ASSERT_EQ(manage("PUT", "/workers?count=1").first, 200);
  EXPECT_TRUE(eventually([&] { return workers() == 1; }));
  ASSERT_EQ(manage("PUT", "/workers?count=16").first, 200);
  EXPECT_TRUE(eventually([&] { return manage("GET", "/workers").second.at("count") == 16; }));
  ASSERT_EQ(manage("PUT", "/workers?count=2").first, 200);
  EXPECT_TRUE(eventually([&] { return workers() == 2; }));
  EXPECT_EQ(load.end(), 0);
  EXPECT_GT(load.answered(), 0);
}

TEST_F(Management, WhatIsWrongIsSaidAndChangesNothing) {
  const auto refused = [&](const std::string& method, const std::string& target, int status,
                           const std::string& text) {
    const auto [got, reply] = manage(method, target);
    EXPECT_EQ(got, status) << method << target << reply;
    EXPECT_THAT(reply.value("error", ""), HasSubstr(text));
  };
  refused("POST", "/models?url=/etc&model_name=x", 403, "/etc");
  refused("POST", "/models?url=no-such-model", 404, "no-such-model");
  refused("POST", "/models?url=tiny-bert-qa&model_name=qa0&version=1", 409, "");
  refused("PUT", "/models/qa0/9/set-default", 404, "version 9");
  refused("DELETE", "/models/nobody", 404, "nobody");
  refused("PUT", "/workers?count=0", 400, "count");
  EXPECT_EQ(version_of(), "1");
}

TEST_F(Management, IsOnlyForLoopbackNames) {
  httplib::Client client("127.0.0.1", server_.management_port());
  EXPECT_EQ(client.Get("/models", {{"Host", "evil.example"}})->status, 403);
  EXPECT_EQ(client.Get("/models", {{"Origin", "http://evil.example"}})->status, 403);
  EXPECT_EQ(client.Get("/models")->status, 200);
}

}  // namespace
}  // namespace onecopy::e2e
