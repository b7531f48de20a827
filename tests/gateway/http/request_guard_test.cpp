#include "gateway/http/request_guard.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "shared/base/limits.h"

namespace onecopy::gateway {
namespace {

// The status that a request is refused with; 0: it is let pass.
int refused_with(const std::string& head) {
  std::size_t scanned = 0;
  const auto end = find_head_end(head, scanned);
  if (!end) return end.error().status;
  EXPECT_GT(*end, 0U) << "no end found in: " << head;
  const auto framing = check_head(std::string_view(head).substr(0, *end));
  return framing ? 0 : framing.error().status;
}

std::string post(const std::string& headers) {
  return "POST /sentinel HTTP/1.1\r\nHost: t\r\n" + headers + "\r\n";
}
std::string get(const std::string& headers) {
  return "GET /sentinel HTTP/1.1\r\nHost: t\r\n" + headers + "\r\n";
}

TEST(RequestGuard, LetsPlainRequestsPass) {
  EXPECT_EQ(refused_with(get("")), 0);
  EXPECT_EQ(refused_with(get("Content-Length: 0\r\nAccept: */*\r\nX-Empty:\r\n")), 0);
  EXPECT_EQ(refused_with(post("Content-Length: 5\r\n")), 0);
  EXPECT_EQ(refused_with(post("content-length:5\t\r\nContent-Encoding: identity\r\n")), 0);
  EXPECT_EQ(refused_with("GET /a?b=c HTTP/1.0\r\n\r\n"), 0);
  EXPECT_EQ(refused_with("GET /\xC3\xA9?q=\xF0\x9F\x98\x80 HTTP/1.0\r\n\r\n"), 0);
}

TEST(RequestGuard, ReadsTheFraming) {
  const auto framing =
      check_head(post("Content-Length: 12\r\nConnection: x, Close\r\n"
                      "Expect: 100-Continue\r\n"));
  ASSERT_TRUE(framing);
  EXPECT_EQ(framing->content_length, 12U);
  EXPECT_FALSE(framing->keep_alive);
  EXPECT_TRUE(framing->expects_continue);
  EXPECT_FALSE(check_head("GET / HTTP/1.0\r\n\r\n")->keep_alive);
  EXPECT_TRUE(check_head("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n")->keep_alive);
}

struct Hostile {
  const char* what;
  std::string head;
  int status;
};

TEST(RequestGuard, RefusesWhateverCouldBeReadInTwoWays) {
  const std::vector<Hostile> corpus{
      {"length and chunked", post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), 400},
      {"zero length and chunked", post("Content-Length: 0\r\nTransfer-Encoding: chunked\r\n"), 400},
      {"chunked", post("Transfer-Encoding: chunked\r\n"), 411},
      {"chunked, gzip", post("transfer-encoding: chunked, gzip\r\n"), 411},
      {"chunked GET", get("Transfer-Encoding: chunked\r\n"), 411},
      {"two lengths", post("Content-Length: 5\r\nContent-Length: 6\r\n"), 400},
      {"two equal lengths", post("Content-Length: 5\r\nContent-Length: 5\r\n"), 400},
      {"signed length", post("Content-Length: +5\r\n"), 400},
      {"negative length", post("Content-Length: -5\r\n"), 400},
      {"list of lengths", post("Content-Length: 5,5\r\n"), 400},
      {"hexadecimal length", post("Content-Length: 0x5\r\n"), 400},
      {"empty length", post("Content-Length:\r\n"), 400},
      {"length with a blank", post("Content-Length: 5 5\r\n"), 400},
      {"bare LF", "GET / HTTP/1.1\nHost: t\n\n", 400},
      {"bare LF in a header", "GET / HTTP/1.1\r\nHost: t\nX: y\r\n\r\n", 400},
      {"bare CR", "GET / HTTP/1.1\r\nHost: t\rX: y\r\n\r\n", 400},
      {"folded line", get("X: a\r\n b\r\n"), 400},
      {"folded first line", "GET / HTTP/1.1\r\n Host: t\r\n\r\n", 400},
      {"blank before the colon", post("Content-Length : 5\r\n"), 400},
      {"name with an underscore", post("Content_Length: 5\r\nContent-Length: 5\r\n"), 400},
      {"empty name", get(": x\r\n"), 400},
      {"no colon", get("Accept\r\n"), 400},
      {"NUL in a value", get(std::string("X: a\0b\r\n", 8)), 400},
      {"control character", get("X: a\x01\r\n"), 400},
      {"DEL", get("X: a\x7F\r\n"), 400},
      {"GET with a body", get("Content-Length: 3\r\n"), 400},
      {"DELETE with a body", "DELETE / HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\n\r\n", 400},
      {"two hosts", get("Host: u\r\n"), 400},
      {"no host", "GET / HTTP/1.1\r\n\r\n", 400},
      {"two content types", post("Content-Length: 1\r\nContent-Type: a/b\r\nContent-Type: a/c\r\n"),
       400},
      {"content encoding", post("Content-Length: 5\r\nContent-Encoding: gzip\r\n"), 415},
      {"multipart", post("Content-Length: 5\r\nContent-Type: Multipart/form-data; boundary=x\r\n"),
       415},
      {"other expectation", post("Content-Length: 5\r\nExpect: a-reply\r\n"), 417},
      {"empty line first", "\r\nGET / HTTP/1.1\r\nHost: t\r\n\r\n", 400},
      {"no version", "GET /\r\nHost: t\r\n\r\n", 400},
      {"two blanks", "GET  / HTTP/1.1\r\nHost: t\r\n\r\n", 400},
      {"tab for a blank", "GET\t/ HTTP/1.1\r\nHost: t\r\n\r\n", 400},
      {"lower-case version", "GET / http/1.1\r\nHost: t\r\n\r\n", 400},
      {"HTTP/2.0", "GET / HTTP/2.0\r\nHost: t\r\n\r\n", 505},
      {"HTTP/1.10", "GET / HTTP/1.10\r\nHost: t\r\n\r\n", 400},
      {"absolute target of another scheme", "GET ftp://t/ HTTP/1.1\r\nHost: t\r\n\r\n", 400},
      {"fragment", "GET /a#b HTTP/1.1\r\nHost: t\r\n\r\n", 400},
      {"unknown method", "BREW / HTTP/1.1\r\nHost: t\r\n\r\n", 501},
      {"malformed method", "G(T / HTTP/1.1\r\nHost: t\r\n\r\n", 400},
      {"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\n", 505},
  };
  for (const Hostile& hostile : corpus) {
    EXPECT_EQ(refused_with(hostile.head), hostile.status) << hostile.what;
  }
}

TEST(RequestGuard, BoundsBodyTargetHeadersAndHead) {
  const auto length = [](std::uint64_t n) {
    return post(fmt::format("Content-Length: {}\r\n", n));
  };
  EXPECT_EQ(refused_with(length(limits::kBodyBytes)), 0);
  EXPECT_EQ(refused_with(length(limits::kBodyBytes + 1)), 413);
  EXPECT_EQ(refused_with(length(1'000'000'000)), 413);
  EXPECT_EQ(refused_with(post("Content-Length: 99999999999999999999999\r\n")), 413);

  const auto target = [](std::size_t n) {
    return "GET /" + std::string(n - 1, 'a') + " HTTP/1.1\r\nHost: t\r\n\r\n";
  };
  EXPECT_EQ(refused_with(target(limits::kTargetBytes)), 0);
  EXPECT_EQ(refused_with(target(limits::kTargetBytes + 1)), 414);
  EXPECT_EQ(refused_with(target(64 << 10)), 414);

  std::string headers;
  for (std::size_t i = 1; i < limits::kHeaders; ++i) headers += "X: y\r\n";
  EXPECT_EQ(refused_with(get(headers)), 0);
  EXPECT_EQ(refused_with(get(headers + "X: y\r\n")), 431);
  EXPECT_EQ(refused_with(get("X: " + std::string(9000, 'a') + "\r\n")), 431);
  EXPECT_EQ(refused_with(get("X: " + std::string(20'000, 'a'))), 431);
}

TEST(RequestGuard, RefusesEndlessInputBeforeItsEnd) {
  std::size_t scanned = 0;
  EXPECT_EQ(find_head_end(std::string(9000, 'a'), scanned).error().status, 414);
  scanned = 0;
  EXPECT_EQ(
      find_head_end("GET / HTTP/1.1\r\nX: " + std::string(17'000, 'a'), scanned).error().status,
      431);
  scanned = 0;
  EXPECT_EQ(find_head_end("GET / HTTP/1.1\n", scanned).error().status, 400);
}

TEST(RequestGuard, FindsTheEndHoweverTheHeadArrives) {
  const std::string input = get("X: y\r\n") + "GET /next";
  std::size_t scanned = 0;
  for (std::size_t n = 0; n + 9 < input.size(); ++n) {
    ASSERT_EQ(find_head_end(std::string_view(input).substr(0, n), scanned).value(), 0U);
  }
  EXPECT_EQ(find_head_end(input, scanned).value(), input.size() - 9);
}

TEST(RequestGuard, NoLengthMeansNoBody) {
  const auto framing = check_head("POST /models?url=a HTTP/1.1\r\nHost: t\r\n\r\n");
  ASSERT_TRUE(framing);
  EXPECT_TRUE(framing->lacks_length);
  EXPECT_EQ(framing->content_length, 0U);
  EXPECT_FALSE(check_head("GET / HTTP/1.1\r\nHost: t\r\n\r\n")->lacks_length);
  EXPECT_FALSE(check_head("PUT / HTTP/1.1\r\nHost: t\r\nContent-Length: 0\r\n\r\n")->lacks_length);
}

}  // namespace
}  // namespace onecopy::gateway
