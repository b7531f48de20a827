#include "gateway/api/json_text.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "shared/base/json.h"
#include "shared/base/utf8.h"

namespace onecopy::gateway {
namespace {

std::string as_json(std::string_view text) {
  std::string result;
  append_json_string(text, result);
  return result;
}
template <class Float>
std::string number(Float value) {
  std::string result;
  append_json_number(value, result);
  return result;
}

TEST(JsonText, WritesNumbersAsPythonDoes) {
  EXPECT_EQ(number(1.0), "1.0");
  EXPECT_EQ(number(0.0), "0.0");
  EXPECT_EQ(number(-0.0), "-0.0");
  EXPECT_EQ(number(0.1 + 0.2), "0.30000000000000004");
  EXPECT_EQ(number(0.0006715523777529597), "0.0006715523777529597");
  EXPECT_EQ(number(1.0669155017239973e-05), "1.0669155017239973e-05");
  EXPECT_EQ(number(0.0001), "0.0001");
  EXPECT_EQ(number(0.00001), "1e-05");
  EXPECT_EQ(number(5e-07), "5e-07");
  EXPECT_EQ(number(1e15), "1000000000000000.0");
  EXPECT_EQ(number(1e16), "1e+16");
  EXPECT_EQ(number(5e-324), "5e-324");
  EXPECT_EQ(number(std::numeric_limits<double>::max()), "1.7976931348623157e+308");
  EXPECT_EQ(number(0.1F), "0.1");
  EXPECT_EQ(number(-0.022275424F), "-0.022275424");
  EXPECT_EQ(number(2.0F), "2.0");
}

TEST(JsonText, NumbersReadBackAsThemselves) {
  double value = 1e-300;
  for (int i = 0; i < 2000; ++i, value *= 1.9737) {
    if (!std::isfinite(value)) break;
    EXPECT_EQ(Json::parse(number(value)).get<double>(), value);
    const auto single = static_cast<float>(value);
    if (!std::isfinite(single)) continue;
    EXPECT_EQ(Json::parse(number(single)).get<float>(), single);
  }
}

TEST(JsonText, EscapesWhatMustBeEscaped) {
  EXPECT_EQ(as_json("a\"b\\c/d"), R"("a\"b\\c/d")");
  EXPECT_EQ(as_json("\n\r\t\b\f\x01\x1F\x7F"), "\"\\n\\r\\t\\b\\f\\u0001\\u001f\x7F\"");
  EXPECT_EQ(as_json(std::string_view("a\0b", 3)), R"("a\u0000b")");
  EXPECT_EQ(as_json("\xC3\xBC \xE2\x82\xAC \xF0\x9F\x98\x80"),
            "\"\xC3\xBC \xE2\x82\xAC \xF0\x9F\x98\x80\"");
}

TEST(JsonText, ReplacesInvalidUtf8) {
  for (const char* bad : {"\xFF", "\xC0\x80", "\xE0\x80\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80",
                          "\xF5\x80\x80\x80", "\x80", "\xC3", "\xE2\x82", "\xF0\x9F\x98", "\xC3(",
                          "\xE2\x82(", "\xF0\x9F\x98(", "\xF0\x80\x80\x80"}) {
    const std::string body = as_json(std::string("a") + bad + "b");
    EXPECT_TRUE(utf8::is_valid(body));
    const std::string text = Json::parse(body).get<std::string>();
    EXPECT_EQ(text.substr(0, 4), "a\xEF\xBF\xBD");
    EXPECT_EQ(text.back(), 'b');
  }
}

}  // namespace
}  // namespace onecopy::gateway
