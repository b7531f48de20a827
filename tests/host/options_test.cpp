#include "host/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onecopy::host {
namespace {

using ::testing::HasSubstr;

TEST(ParseModel, NameFolderAndSettings) {
  const auto model = parse_model("qa0=/models/a,b=c,version=3,adapter=/x/y,precision=auto");
  ASSERT_TRUE(model) << model.error().text;
  EXPECT_EQ(model->name, "qa0");
  EXPECT_EQ(model->folder, "/models/a,b=c");  // a comma without a known key belongs to the path
  EXPECT_EQ(model->version, 3U);
  EXPECT_EQ(model->adapter, "/x/y");
  EXPECT_FALSE(parse_model("qa0=/m")->adapter);
}

TEST(ParseModel, RefusalsNameWhatIsWrong) {
  EXPECT_THAT(parse_model("qa0").error().text, HasSubstr("NAME=DIR"));
  EXPECT_THAT(parse_model("=x").error().text, HasSubstr("NAME=DIR"));
  EXPECT_THAT(parse_model("qa0=").error().text, HasSubstr("NAME=DIR"));
  EXPECT_THAT(parse_model("a:b=/m").error().text, HasSubstr("a:b"));
  EXPECT_THAT(parse_model(std::string(65, 'n') + "=/m").error().text, HasSubstr("64"));
  EXPECT_THAT(parse_model("qa0=/m,version=-1").error().text, HasSubstr("version=-1"));
  EXPECT_THAT(parse_model("qa0=/m,version=1x").error().text, HasSubstr("version=1x"));
  EXPECT_EQ(parse_model("qa0=/m,precision=int4").error().code, ErrorCode::kUnsupported);
}

}  // namespace
}  // namespace onecopy::host
