#include "gateway/api/management_guard.h"

#include <gtest/gtest.h>

#include "tests/gateway/test_gateway.h"

namespace onecopy::gateway {
namespace {

HttpRequest request_with(std::vector<std::pair<std::string, std::string>> headers) {
  HttpRequest request;
  request.headers = std::move(headers);
  return request;
}

int status_of(const ManagementAccess& access, const HttpRequest& request) {
  const auto refused = refuse_management(access, request);
  return refused ? refused->status : 200;
}

const ManagementAccess kOpen{"", true};
const ManagementAccess kWithKey{"secret", true};
const ManagementAccess kRemote{"secret", false};

TEST(ManagementGuard, OnLoopbackOnlyLoopbackNamesPass) {
  for (const char* host : {"localhost", "LocalHost:8081", "127.0.0.1", "127.0.0.1:8081",
                           "127.9.9.9:1", "[::1]", "[::1]:8081"}) {
    EXPECT_EQ(status_of(kOpen, request_with({{"host", host}})), 200) << host;
  }
  for (const char* host :
       {"evil.example", "evil.example:8081", "localhost.evil.example", "127.0.0.1.evil.example",
        "128.0.0.1", "0.0.0.0", "", "[::2]", "[::1].evil.example", "[::1]evil", "127.1"}) {
    EXPECT_EQ(status_of(kOpen, request_with({{"host", host}})), 403) << host;
  }
  EXPECT_EQ(status_of(kOpen, request_with({})), 403);
}

TEST(ManagementGuard, PagesOfOthersMayNotCall) {
  for (const char* origin : {"http://localhost:3000", "https://127.0.0.1", "http://[::1]:8081"}) {
    EXPECT_EQ(status_of(kOpen, request_with({{"host", "localhost"}, {"origin", origin}})), 200);
  }
  for (const char* origin : {"http://evil.example", "null", "localhost", "",
                             "http://localhost.evil.example", "http://localhost@evil.example"}) {
    EXPECT_EQ(status_of(kOpen, request_with({{"host", "localhost"}, {"origin", origin}})), 403)
        << origin;
  }
}

TEST(ManagementGuard, AKeyIsNeededWhereOneIsSet) {
  EXPECT_EQ(status_of(kWithKey, request_with({{"host", "localhost"}})), 401);
  for (const char* wrong : {"", "Bearer", "Bearer ", "secret", "Basic secret", "Bearer Secret",
                            "Bearer secrets", "Bearer secre", "Bearersecret"}) {
    EXPECT_EQ(status_of(kWithKey, request_with({{"host", "localhost"}, {"authorization", wrong}})),
              401)
        << wrong;
  }
  for (const char* right : {"Bearer secret", "bearer secret", "Bearer  secret"}) {
    EXPECT_EQ(status_of(kWithKey, request_with({{"host", "localhost"}, {"authorization", right}})),
              200);
  }
  // The key does not open the port to a page under another name.
  EXPECT_EQ(status_of(kWithKey,
                      request_with({{"host", "evil.example"}, {"authorization", "Bearer secret"}})),
            403);
}

TEST(ManagementGuard, OffLoopbackTheKeyDecides) {
  EXPECT_EQ(status_of(kRemote, request_with({{"host", "gpu1.example"}})), 401);
  EXPECT_EQ(status_of(kRemote,
                      request_with({{"host", "gpu1.example"}, {"authorization", "Bearer secret"}})),
            200);
  EXPECT_EQ(status_of({"", false}, request_with({{"host", "localhost"}})), 403);
}

TEST(ManagementGuard, NobodyPassesBeforeTheHostHasSaidWhetherThereIsAKey) {
  EXPECT_EQ(status_of({std::nullopt, true}, request_with({{"host", "localhost"}})), 503);
}

TEST(ManagementGuard, GuardsEverythingButHealth) {
  TestGateway gateway({}, true, "secret");
  EXPECT_EQ(gateway.manage("GET", "/models").status, 401);
  EXPECT_EQ(gateway.manage("GET", "/models").header("WWW-Authenticate"), "Bearer");
  EXPECT_EQ(gateway.manage("PUT", "/workers?count=2").status, 401);
  EXPECT_EQ(gateway.manage("GET", "/models", "", "Authorization: Bearer secret\r\n").status, 200);
  EXPECT_EQ(gateway.manage("GET", "/v2/health/live").status, 200);
  EXPECT_EQ(RawClient(gateway.management_port()).get("/v2/health/live").status, 200);  // Host: t
  EXPECT_EQ(RawClient(gateway.management_port())
                .get("/models", "Authorization: Bearer secret\r\n")
                .status,
            403);
}

}  // namespace
}  // namespace onecopy::gateway
