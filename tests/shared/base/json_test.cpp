#include "shared/base/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

namespace onecopy {
namespace {

using ::testing::HasSubstr;

std::string error_of(std::string_view text, std::size_t depth = 8) {
  const auto parsed = parse_json(text, depth);
  return parsed ? "parsed" : parsed.error().text;
}

TEST(Json, ParsesWithinTheLimits) {
  const auto parsed = parse_json(R"({"a":[1,2.5,"\u00e9"],"b":{"a":null}})");
  ASSERT_TRUE(parsed) << parsed.error().text;
  EXPECT_EQ((*parsed)["a"][2], "é");
  EXPECT_EQ((*parsed)["a"][0], 1);
}

TEST(Json, RefusesWhatTheLibraryLetsPass) {
  EXPECT_THAT(error_of(R"({"a":1,"b":2,"a":3})"), HasSubstr("\"a\" stands twice"));
  EXPECT_THAT(error_of(R"([{"x":{"a":1,"a":1}}])"), HasSubstr("\"a\" stands twice"));
  EXPECT_THAT(error_of("[[[[1]]]]", 3), HasSubstr("nested more than 3 deep"));
  EXPECT_EQ(error_of("[[[1]]]", 3), "parsed");
}

TEST(Json, RefusesDeepNestingWithoutDeepRecursion) {
  EXPECT_THAT(error_of(std::string(1'000'000, '[')), HasSubstr("nested more than 8 deep"));
  EXPECT_THAT(error_of(std::string(100'000, '[') + std::string(100'000, ']')),
              HasSubstr("nested more than 8 deep"));
}

TEST(Json, RefusesMalformedText) {
  for (const char* text : {"", "{", "{\"a\":}", "nul", "[1,]", "\"\\ud800\"", "\"\xff\"", "1e400",
                           "NaN", "{\"a\":1} x", "\"a\nb\""}) {
    EXPECT_THAT(error_of(text), HasSubstr("invalid JSON")) << text;
  }
}

// A pipe's open() would wait for a writer; nobody ever comes.
TEST(Json, APipeIsNoFile) {
  const auto path = std::filesystem::temp_directory_path() / "onecopy_json_test.fifo";
  std::filesystem::remove(path);
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  const auto refused = read_json_file(path);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(refused.error().text, HasSubstr("not a file"));
  std::filesystem::remove(path);
}

TEST(Json, FileErrorsNameTheFile) {
  const auto path = std::filesystem::temp_directory_path() / "onecopy_json_test.json";
  EXPECT_EQ(read_json_file(path.string() + ".missing").error().code, ErrorCode::kNotFound);
  std::ofstream(path) << "{";
  const auto broken = read_json_file(path);
  ASSERT_FALSE(broken);
  EXPECT_THAT(broken.error().text, HasSubstr("onecopy_json_test.json"));
  EXPECT_EQ(read_json_file(path.parent_path()).error().code, ErrorCode::kInvalidArgument);
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace onecopy
