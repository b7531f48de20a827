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
  const auto parsed = parse_json(text, {.depth = depth});
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

TEST(Json, KeepsNumbersAsTheyAre) {
  const Json numbers =
      parse_json("[0, -0, -7, 18446744073709551615, 9223372036854775808, 1.0, 1e3]").value();
  EXPECT_TRUE(numbers[0].is_number_unsigned());
  EXPECT_EQ(numbers[2], -7);
  EXPECT_EQ(numbers[3].get<std::uint64_t>(), ~std::uint64_t{0});
  EXPECT_TRUE(numbers[4].is_number_unsigned());
  EXPECT_TRUE(numbers[5].is_number_float());
  EXPECT_TRUE(numbers[6].is_number_float());
  EXPECT_THAT(error_of("18446744073709551616.5e400"), HasSubstr("invalid JSON"));
  // As transformers writes "no limit"; real tokenizer_config.json files have it.
  EXPECT_EQ(parse_json("[1000000000000000019884624838656]").value()[0], 1e30);
  EXPECT_EQ(parse_json("-5").value(), -5);
  EXPECT_EQ(parse_json(" \"x\" ").value(), "x");
}

// Whatever its shape, a text costs what its length says: with the parser before this one, a list of
// 700,000 empty objects took more than a minute.
TEST(Json, BoundsTheNumberOfValues) {
  const auto refused = [](const std::string& text) {
    const auto parsed = parse_json(text, {.depth = 8, .values = 10'000});
    return parsed ? "parsed" : parsed.error().text;
  };
  const auto repeated = [](const char* begin, const char* piece, int times, const char* end) {
    std::string text = begin;
    for (int i = 0; i < times; ++i) text += piece;
    return text + end;
  };
  EXPECT_THAT(refused(repeated("{\"inputs\":[", "{},", 699'000, "{}]}")),
              HasSubstr("10000 values"));
  EXPECT_THAT(refused(repeated("[", "{\"a\":1},", 200'000, "1]")), HasSubstr("10000 values"));
  EXPECT_THAT(refused(repeated("[", "1,", 1'000'000, "1]")), HasSubstr("10000 values"));
  EXPECT_THAT(refused(repeated("[", "[],", 600'000, "1]")), HasSubstr("10000 values"));
  EXPECT_EQ(refused(repeated("[", "1,", 9'998, "1]")), "parsed");
  EXPECT_THAT(refused(repeated("[", "1,", 9'999, "1]")), HasSubstr("10000 values"));
  std::string keys = "{";
  for (int i = 0; i < 150'000; ++i) keys += "\"" + std::to_string(i) + "\":1,";
  EXPECT_THAT(refused(keys + "\"x\":1}"), HasSubstr("10000 values"));
}

TEST(Json, RefusesMalformedText) {
  for (const char* text :
       {"",     "{",           "{\"a\":}", "nul", "[1,]",      "\"\\ud800\"", "\"\xff\"", "1e400",
        "NaN",  "{\"a\":1} x", "\"a\nb\"", "1,2", "1],[2",     "]",           "[",        " ",
        "{}{}", "tru",         "nulll",    "01",  "{\"a\" 1}", "{1:2}",       "[1 2]"}) {
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
