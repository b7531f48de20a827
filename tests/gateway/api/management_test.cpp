// The management port, with a host that the test plays.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "tests/gateway/test_gateway.h"

namespace onecopy::gateway {
namespace {

using testing::HasSubstr;

class ManagementTest : public testing::Test {
 protected:
  ManagementTest() {
    gateway_.add_worker();
    gateway_.add_model("emb", 2);
  }
  // The request's reply while the host answers its command so.
  RawReply ask(std::string_view method, std::string_view target, std::string_view body, int status,
               const Json& answer) {
    auto reply =
        std::async(std::launch::async, [&] { return gateway_.manage(method, target, body); });
    command_ = gateway_.host().answer_command(status, answer);
    return reply.get();
  }
  // It is refused without asking the host.
  void expect(std::string_view method, std::string_view target, std::string_view body, int status,
              std::string_view text) {
    const RawReply reply = gateway_.manage(method, target, body);
    EXPECT_EQ(reply.status, status) << method << ' ' << target << ' ' << reply.body;
    EXPECT_THAT(reply.error(), HasSubstr(std::string(text)));
  }
  TestGateway gateway_;
  Json command_;
};

TEST_F(ManagementTest, ListsModelsInPages) {
  const Json all = gateway_.manage("GET", "/models").json();
  ASSERT_EQ(all.at("models").size(), 4U);
  EXPECT_EQ(all.at("models")[1].at("modelName"), "emb");
  EXPECT_EQ(all.at("models")[1].at("modelUrl"), "/models/emb");
  EXPECT_FALSE(all.contains("nextPageToken"));
  const Json first = gateway_.manage("GET", "/models?limit=3").json();
  EXPECT_EQ(first.at("models").size(), 3U);
  EXPECT_EQ(first.at("nextPageToken"), "3");
  const Json rest = gateway_.manage("GET", "/models?limit=3&next_page_token=3").json();
  ASSERT_EQ(rest.at("models").size(), 1U);
  EXPECT_EQ(rest.at("models")[0].at("modelName"), "qa1");
  EXPECT_FALSE(rest.contains("nextPageToken"));
  expect("GET", "/models?limit=0", "", 400, "limit");
  expect("GET", "/models?limit=99999999999999999999", "", 400, "limit");
  expect("GET", "/models?next_page_token=x", "", 400, "next_page_token");
  expect("GET", "/models?pages=3", "", 400, "unknown parameter 'pages'");
}

TEST_F(ManagementTest, DescribesAVersion) {
  EXPECT_EQ(gateway_.connect().post("/embed/emb/1", R"({"inputs": "a"})").status, 200);
  const Json described = gateway_.manage("GET", "/models/emb").json();
  ASSERT_EQ(described.size(), 1U);
  const Json& one = described[0];
  EXPECT_EQ(one.at("modelName"), "emb");
  EXPECT_EQ(one.at("modelVersion"), "1");
  EXPECT_EQ(one.at("modelUrl"), "/models/emb");
  EXPECT_EQ(one.at("minWorkers"), 1);
  EXPECT_EQ(one.at("maxWorkers"), 1);
  EXPECT_EQ(one.at("loadedAtStartup"), true);
  ASSERT_EQ(one.at("workers").size(), 1U);
  EXPECT_EQ(one.at("workers")[0].at("status"), "READY");
  EXPECT_EQ(one.at("memory").at("bytes_own"), 1000);
  EXPECT_EQ(one.at("memory").at("bytes_borrowed"), 10);
  EXPECT_EQ(one.at("precision"), "int8");
  EXPECT_EQ(one.at("task"), "embedding");
  EXPECT_EQ(one.at("max_tokens"), 128);
  EXPECT_EQ(one.at("default"), true);
  EXPECT_EQ(one.at("traffic_share"), 100);
  EXPECT_EQ(one.at("requests"), 1);
  EXPECT_EQ(one.at("errors"), 0);
  EXPECT_EQ(gateway_.manage("GET", "/models/emb/2").json()[0].at("default"), false);
  EXPECT_EQ(gateway_.manage("GET", "/models/emb/all").json().size(), 2U);
  expect("GET", "/models/nobody", "", 404, "no model named 'nobody'");
  expect("GET", "/models/emb/3", "", 404, "there are: 1, 2");
  expect("GET", "/models/emb/0", "", 404, "'0' is no version");
  expect("GET", "/models/emb?customized=true", "", 400, "unknown parameter 'customized'");
}

TEST_F(ManagementTest, RegistersByAddressOrBody) {
  const RawReply reply =
      ask("POST", "/models?url=new&model_name=qa7&version=3&precision=int8&synchronous=true", "",
          200, {{"status", "registered"}});
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.json().at("status"), "registered");
  EXPECT_EQ(command_.at("op"), "register");
  EXPECT_EQ(command_.at("args"), Json({{"url", "new"},
                                       {"model_name", "qa7"},
                                       {"version", 3},
                                       {"precision", "int8"},
                                       {"synchronous", true}}));
  const RawReply later =
      ask("POST", "/models", R"({"url": "new", "adapter": "lora"})", 202, {{"status", "loading"}});
  EXPECT_EQ(later.status, 202);
  EXPECT_EQ(command_.at("args"),
            Json({{"url", "new"}, {"adapter", "lora"}, {"synchronous", false}}));
  EXPECT_EQ(ask("POST", "/models?url=x", "", 409, {{"error", "it is there"}}).error(),
            "it is there");
}

TEST_F(ManagementTest, RefusesWrongRegistrations) {
  expect("POST", "/models", "", 400, "url is missing");
  expect("POST", "/models?url=", "", 400, "url cannot be empty");
  expect("POST", "/models?url=a&model_name=a%2Fb", "", 400, "model_name must be");
  expect("POST", "/models?url=a&version=0", "", 400, "version must be an integer from 1");
  expect("POST", "/models?url=a&version=99999999999999999999", "", 400, "version");
  expect("POST", "/models?url=a&initial_workers=1", "", 400, "'initial_workers'");
  expect("POST", "/models?url=a&synchronous=maybe", "", 400, "synchronous");
  expect("POST", "/models?url=a", R"({"url": "b"})", 400, "not in both");
  expect("POST", "/models", "[1]", 400, "JSON object");
  expect("POST", "/models", R"({"url": 5})", 400, "url must be a string");
}

TEST_F(ManagementTest, ChangesTheDefault) {
  const RawReply reply = ask("PUT", "/models/emb/2/set-default", "", 200, {{"status", "updated"}});
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(command_.at("op"), "set_default");
  EXPECT_EQ(command_.at("args"), Json({{"model", "emb"}, {"version", 2}}));
  expect("PUT", "/models/emb/9/set-default", "", 404, "there are: 1, 2");
  expect("PUT", "/models/emb/0/set-default", "", 404, "'0' is no version");
  expect("PUT", "/models/nobody/1/set-default", "", 404, "'nobody'");
}

TEST_F(ManagementTest, Unregisters) {
  ask("DELETE", "/models/emb/2", "", 200, {{"status", "unregistered"}});
  EXPECT_EQ(command_.at("args"), Json({{"model", "emb"}, {"version", 2}}));
  EXPECT_EQ(ask("DELETE", "/models/emb", "", 403, {{"error", "no"}}).status, 403);
  EXPECT_EQ(command_.at("op"), "unregister");
  EXPECT_EQ(command_.at("args"), Json({{"model", "emb"}}));
  expect("DELETE", "/models/emb/x", "", 404, "'x' is no version");
  expect("DELETE", "/models/emb/2?force=true", "", 400, "unknown parameter 'force'");
}

TEST_F(ManagementTest, TellsHowALoadGoes) {
  EXPECT_EQ(gateway_.manage("GET", "/models/emb/2/status").json().at("status"), "serving");
  const RawReply reply = ask("GET", "/models/emb/3/status", "", 200,
                             {{"status", "loading"}, {"done", 1}, {"total", 2}});
  EXPECT_EQ(reply.json().at("total"), 2);
  EXPECT_EQ(command_.at("op"), "load_status");
}

TEST_F(ManagementTest, SharesTrafficOut) {
  EXPECT_EQ(gateway_.manage("GET", "/models/emb/traffic").json(),
            Json({{"shares", {{"1", 100.0}}}, {"shadow", Json::object()}, {"sticky_header", ""}}));
  ask("PUT", "/models/emb/traffic", R"({"shares": {"1": 90, "2": 10}, "sticky_header": "X-User"})",
      200, {{"status", "set"}});
  EXPECT_EQ(command_.at("op"), "set_traffic");
  EXPECT_EQ(command_.at("args"), Json({{"model", "emb"},
                                       {"shares", {{"1", 90.0}, {"2", 10.0}}},
                                       {"shadow", Json::object()},
                                       {"sticky_header", "X-User"}}));
  ask("PUT", "/models/emb/traffic", "{}", 200, {{"status", "removed"}});
  EXPECT_TRUE(command_.at("args").at("shares").empty());
  gateway_.host().registry.traffic["emb"] = {{{1, 90}, {2, 10}}, {{2, 5}}, "X-User"};
  gateway_.host().publish();
  const Json now = gateway_.manage("GET", "/models/emb/traffic").json();
  EXPECT_EQ(now.at("shares").at("2"), 10.0);
  EXPECT_EQ(now.at("shadow").at("2"), 5.0);
  EXPECT_EQ(gateway_.manage("GET", "/models/emb/2").json()[0].at("traffic_share"), 10.0);
}

TEST_F(ManagementTest, RefusesWrongShares) {
  const auto refused = [&](std::string_view body, int status, std::string_view text) {
    expect("PUT", "/models/emb/traffic", body, status, text);
  };
  refused(R"({"shares": {"1": 90, "2": 5}})", 400, "they add up to 95");
  refused(R"({"shares": {"1": 90, "3": 10}})", 404, "no version 3");
  refused(R"({"shares": {"0": 100}})", 404, "'0' is no version");
  refused(R"({"shares": {"99999999999": 100}})", 404, "is no version");
  refused(R"({"shares": {"1": -10, "2": 110}})", 400, "no percentage");
  refused(R"({"shares": {"1": "all"}})", 400, "no percentage");
  refused(R"({"shares": [1]})", 400, "shares");
  refused(R"({"shadow": {"2": 10}})", 400, "they add up to 0");
  refused(R"({"shares": {"1": 100}, "sticky_header": "a b"})", 400, "no header's name");
  refused(R"({"share": {"1": 100}})", 400, "unknown field 'share'");
  refused("", 400, "");
  expect("PUT", "/models/nobody/traffic", "{}", 404, "'nobody'");
}

TEST_F(ManagementTest, ScalesWorkers) {
  ask("PUT", "/workers?count=4&max=8", "", 200, {{"count", 4}});
  EXPECT_EQ(command_.at("op"), "set_workers");
  EXPECT_EQ(command_.at("args"), Json({{"count", 4}, {"max", 8}}));
  expect("PUT", "/workers", "", 400, "count is missing");
  expect("PUT", "/workers?count=0", "", 400, "count must be an integer from 1 to 256");
  expect("PUT", "/workers?count=1000000", "", 400, "from 1 to 256");
  expect("PUT", "/workers?workers=3", "", 400, "unknown parameter 'workers'");
  expect("PUT", "/models/emb?min_worker=2", "", 400, "use PUT /workers?count=N");
}

TEST_F(ManagementTest, SaysWhatIsThere) {
  EXPECT_EQ(gateway_.manage("GET", "/nothing").status, 404);
  EXPECT_EQ(gateway_.manage("POST", "/workers").status, 405);
  EXPECT_EQ(gateway_.connect().get("/models").status, 404);  // not on the inference port
}

TEST_F(ManagementTest, WithoutAHostNothingChangesAndEverythingIsShown) {
  gateway_.close_host();
  for (const auto& [method, target] :
       std::vector<std::pair<std::string, std::string>>{{"POST", "/models?url=x"},
                                                        {"DELETE", "/models/emb/2"},
                                                        {"PUT", "/models/emb/2/set-default"},
                                                        {"PUT", "/workers?count=2"},
                                                        {"GET", "/models/emb/3/status"}}) {
    RawReply reply = gateway_.manage(method, target, "", "X-Request-Timeout-Ms: 20000\r\n");
    EXPECT_EQ(reply.status, 503) << method << target;
    EXPECT_THAT(reply.error(), HasSubstr("the host is not running"));
  }
  EXPECT_EQ(gateway_.manage("GET", "/models/emb/all").json().size(), 2U);
  EXPECT_EQ(gateway_.manage("GET", "/models/emb/2/status").json().at("status"), "serving");
  EXPECT_EQ(gateway_.connect().post("/embed/emb/2", R"({"inputs": "a"})").status, 200);
}

TEST_F(ManagementTest, TheHostDiesDuringACommand) {
  auto reply =
      std::async(std::launch::async, [&] { return gateway_.manage("POST", "/models?url=x"); });
  EXPECT_EQ(gateway_.host().wait_for("command").at("op"), "register");
  gateway_.close_host();
  const RawReply answered = reply.get();
  EXPECT_EQ(answered.status, 503);
  EXPECT_THAT(answered.error(), HasSubstr("ended before it had answered"));
}

TEST_F(ManagementTest, ASlowHostIsWaitedForAsLongAsTheClientSays) {
  const RawReply reply =
      gateway_.manage("POST", "/models?url=x", "", "X-Request-Timeout-Ms: 20\r\n");
  EXPECT_EQ(reply.status, 504);
  EXPECT_THAT(reply.error(), HasSubstr("20 ms"));
  // Its answer comes too late and harms nobody.
  gateway_.host().answer_command(200, {{"status", "registered"}});
  EXPECT_EQ(ask("POST", "/models?url=y", "", 200, {{"status", "yes"}}).json().at("status"), "yes");
}

TEST_F(ManagementTest, AClientThatLeavesTakesNothingBack) {
  RawClient leaving(gateway_.management_port());
  leaving.send("DELETE /models/emb/2 HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const Json command = gateway_.host().wait_for("command");
  leaving.close();
  settle(gateway_, leaving);
  gateway_.host().send(
      {{"type", "result"}, {"id", command.at("id")}, {"status", 200}, {"body", Json::object()}});
  EXPECT_EQ(gateway_.manage("GET", "/models").status, 200);
}

TEST_F(ManagementTest, ANonsensicalResultIsAnError) {
  for (const Json& result :
       {Json{{"status", 200}}, Json{{"body", "x"}}, Json{{"status", 99'999}, {"body", "x"}}}) {
    auto reply =
        std::async(std::launch::async, [&] { return gateway_.manage("PUT", "/workers?count=1"); });
    Json message = result;
    message["type"] = "result";
    message["id"] = gateway_.host().wait_for("command").at("id");
    gateway_.host().send(message);
    EXPECT_EQ(reply.get().status, 500);
  }
}

}  // namespace
}  // namespace onecopy::gateway
