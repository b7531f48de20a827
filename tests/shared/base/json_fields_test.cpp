#include "shared/base/json_fields.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onecopy {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

template <class T>
std::string error_of(const Result<T>& result) {
  return result ? "no error" : result.error().text;
}

class JsonFieldsTest : public ::testing::Test {
 protected:
  const Json json_ = parse_json(R"({"n": 5, "big": 4294967296, "minus": -1, "x": 1.5, "yes": true,
                                    "s": "text", "null": null, "list": ["a", "b"], "mixed": ["a", 1],
                                    "o": {"n": "five"}})")
                         .value();
  const JsonFields fields_{json_, "config.json"};
};

TEST_F(JsonFieldsTest, ReadsWhatHasItsType) {
  EXPECT_EQ(fields_.number("n", 1, 5), 5U);
  EXPECT_EQ(fields_.number64("big"), 4294967296U);
  EXPECT_EQ(fields_.real("x"), 1.5);
  EXPECT_EQ(fields_.real("n"), 5.0);
  EXPECT_EQ(fields_.flag("yes"), true);
  EXPECT_EQ(fields_.text("s"), "text");
  EXPECT_THAT(fields_.texts("list").value(), ElementsAre("a", "b"));
}

TEST_F(JsonFieldsTest, MissingAndNullHaveTheDefault) {
  for (const char* key : {"none", "null"}) {
    EXPECT_EQ(fields_.number(key, 7, 1, 5), 7U);
    EXPECT_EQ(fields_.real(key, 2.5), 2.5);
    EXPECT_EQ(fields_.flag(key, true), true);
    EXPECT_EQ(fields_.text(key, "default"), "default");
    EXPECT_FALSE(fields_.has(key));
    EXPECT_THAT(error_of(fields_.text(key)),
                HasSubstr(std::string("config.json: ") + key + " is missing, it must be a string"));
  }
}

TEST_F(JsonFieldsTest, ErrorsNameFileFieldValueAndBounds) {
  EXPECT_EQ(error_of(fields_.number("n", 6, 9)),
            "config.json: n is 5, it must be a whole number from 6 to 9");
  EXPECT_EQ(error_of(fields_.number("s", 7, 6, 9)),
            "config.json: s is \"text\", it must be a whole number from 6 to 9");
  EXPECT_FALSE(fields_.number("big", 0, UINT32_MAX));
  EXPECT_FALSE(fields_.number("minus", 0, UINT32_MAX));
  EXPECT_FALSE(fields_.number64("minus"));
  EXPECT_FALSE(fields_.number("x", 0, 9));
  EXPECT_FALSE(fields_.flag("n"));
  EXPECT_FALSE(fields_.text("n"));
  EXPECT_FALSE(fields_.real("s"));
  EXPECT_FALSE(fields_.texts("mixed"));
  EXPECT_FALSE(fields_.texts("s"));
}

TEST_F(JsonFieldsTest, ErrorsOfInnerObjectsNameTheWay) {
  const auto inner = fields_.object("o");
  ASSERT_TRUE(inner);
  EXPECT_THAT(error_of(inner->number("n", 0, 9)), HasSubstr("config.json: o.n is \"five\""));
  EXPECT_THAT(error_of(fields_.object("n")),
              HasSubstr("config.json: n is 5, it must be an object"));
}

TEST_F(JsonFieldsTest, MustBeTakesOnlyWhatSaysNothing) {
  const Json json = parse_json(R"({"a": false, "b": [], "c": "", "d": "none", "e": "x"})").value();
  const JsonFields fields(json, "");
  for (const char* key : {"a", "b", "c", "d", "missing"}) EXPECT_TRUE(fields.must_be(key, "none"));
  const Status refused = fields.must_be("e", "none");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kUnsupported);
  EXPECT_EQ(refused.error().text, "e = \"x\" is not supported");
}

TEST(JsonFields, OnlyObjectsHaveFields) {
  const Json list = Json::array();
  EXPECT_EQ(error_of(as_object(list, "a.json")), "a.json: not a JSON object");
}

TEST(JsonFields, ShownValuesAreShort) {
  EXPECT_EQ(shown(Json("a\nb")), "\"a b\"");
  EXPECT_EQ(shown(Json::parse("[1,2]")), "[1,2]");
  EXPECT_LE(shown(Json(std::string(1'000'000, 'x'))).size(), 80U);
  EXPECT_LE(shown(Json(std::vector<std::string>(4, std::string(1000, 'x')))).size(), 80U);
  EXPECT_EQ(shown(Json(std::vector<int>(1000))), "a list");
}

}  // namespace
}  // namespace onecopy
