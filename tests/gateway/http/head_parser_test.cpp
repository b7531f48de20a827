#include "gateway/http/head_parser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onecopy::gateway {
namespace {

using testing::ElementsAre;
using testing::Pair;

tl::expected<HttpRequest, Refusal> parse(const std::string& target,
                                         const std::string& headers = "") {
  HeadParser parser;
  return parser.parse("GET " + target + " HTTP/1.1\r\nHost: t\r\n" + headers + "\r\n");
}

TEST(HeadParser, DecodesPathAndQuery) {
  const auto request = parse("/qa/a%20b+c?question=Who%3F+now&context=%C3%BC&flag&x=");
  ASSERT_TRUE(request);
  EXPECT_EQ(request->method, "GET");
  EXPECT_EQ(request->path, "/qa/a b+c");
  EXPECT_THAT(request->query, ElementsAre(Pair("question", "Who? now"), Pair("context", "\xC3\xBC"),
                                          Pair("flag", ""), Pair("x", "")));
}

// httplib 0.11.4 alone would lose what follows the second '?' or '='.
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
  EXPECT_EQ(request->timeout_ms, "50");
  EXPECT_EQ(parse("/")->timeout_ms, std::nullopt);
  EXPECT_EQ(parse("/")->content_type, "");
}

// httplib would answer 416 itself, or match the value with a recursive regular expression.
TEST(HeadParser, IgnoresRange) {
  EXPECT_TRUE(parse("/", "Range: nonsense\r\n"));
  EXPECT_TRUE(parse("/", "rAnge: bytes=" + std::string(8000, '1') + "\r\n"));
}

TEST(HeadParser, RefusesAPathThatHttplibCannotTake) {
  const auto request = parse("/" + std::string(8185, 'a'));
  ASSERT_FALSE(request);
  EXPECT_EQ(request.error().status, 400);
}

}  // namespace
}  // namespace onecopy::gateway
