#include "gateway/http/head_parser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onecopy::gateway {
namespace {

using testing::ElementsAre;
using testing::Pair;

tl::expected<HttpRequest, Refusal> parse(const std::string& target,
                                         const std::string& headers = "") {
  return parse_head("GET " + target + " HTTP/1.1\r\nHost: t\r\n" + headers + "\r\n");
}

TEST(HeadParser, DecodesPathAndQuery) {
  const auto request = parse("/qa/a%20b+c?question=Who%3F+now&context=%C3%BC&flag&x=");
  ASSERT_TRUE(request);
  EXPECT_EQ(request->method, "GET");
  EXPECT_EQ(request->path, "/qa/a b+c");
  EXPECT_THAT(request->query, ElementsAre(Pair("question", "Who? now"), Pair("context", "\xC3\xBC"),
                                          Pair("flag", ""), Pair("x", "")));
}

TEST(HeadParser, KeepsQuestionMarksAndEqualSignsInValues) {
  EXPECT_THAT(parse("/qa0?question=Who?&context=a=b=c?d")->query,
              ElementsAre(Pair("question", "Who?"), Pair("context", "a=b=c?d")));
}

TEST(HeadParser, KeepsNulAndRepeatedParameters) {
  EXPECT_THAT(parse("/?a=%00&a=%00&&b=1")->query,
              ElementsAre(Pair("a", std::string(1, '\0')), Pair("a", std::string(1, '\0')),
                          Pair("b", "1")));
}

TEST(HeadParser, RefusesMalformedEscapes) {
  for (const char* target : {"/%", "/%4", "/%zz", "/%u0041", "/?a=%", "/?%4=a", "/?a=%-1"}) {
    const auto request = parse(target);
    ASSERT_FALSE(request) << target;
    EXPECT_EQ(request.error().status, 400);
  }
}

TEST(HeadParser, ReadsContentTypeAndTimeout) {
  const auto request =
      parse("/", "content-type: Application/JSON ; charset=utf-8\r\nx-request-timeout-ms: 50\r\n");
  EXPECT_EQ(request->content_type, "application/json");
  EXPECT_EQ(request->header("x-request-timeout-ms"), "50");
  EXPECT_EQ(parse("/")->header("x-request-timeout-ms"), std::nullopt);
  EXPECT_EQ(parse("/")->content_type, "");
}

TEST(HeadParser, KeepsAllHeadersInOrder) {
  const auto request = parse("/", "X-User:  ann \r\nOrigin: http://a\r\nx-user: bob\r\nEmpty:\r\n");
  EXPECT_THAT(request->headers,
              ElementsAre(Pair("host", "t"), Pair("x-user", "ann"), Pair("origin", "http://a"),
                          Pair("x-user", "bob"), Pair("empty", "")));
  EXPECT_EQ(request->header("x-user"), "ann");
}

// RFC 9112, 3.2.2.
TEST(HeadParser, DropsSchemeAndAuthorityOfAnAbsoluteForm) {
  EXPECT_EQ(parse("http://127.0.0.1:8080/healthz")->path, "/healthz");
  EXPECT_EQ(parse("HTTPS://[::1]:8080/a%20b")->path, "/a b");
  EXPECT_EQ(parse("http://example.org")->path, "/");
  const auto request = parse("http://example.org?x=1");
  EXPECT_EQ(request->path, "/");
  EXPECT_THAT(request->query, ElementsAre(Pair("x", "1")));
  EXPECT_EQ(parse("/http://x/y")->path, "/http://x/y");
}

}  // namespace
}  // namespace onecopy::gateway
