#include "host/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/host/publish/test_folder.h"

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

TEST(ParseModel, Precisions) {
  EXPECT_EQ(parse_model("qa0=/m")->precision, PrecisionChoice::kF32);
  for (const auto& [text, choice] :
       {std::pair{"f32", PrecisionChoice::kF32}, std::pair{"bf16", PrecisionChoice::kBf16},
        std::pair{"int8", PrecisionChoice::kInt8}, std::pair{"auto", PrecisionChoice::kAuto}}) {
    const auto model = parse_model(std::string("qa0=/m,precision=") + text);
    ASSERT_TRUE(model) << model.error().text;
    EXPECT_EQ(model->precision, choice);
    EXPECT_EQ(model->folder, "/m");
  }
  for (const char* wrong : {"int4", "", "F32", "bf16 ", "float32"}) {
    const auto model = parse_model(std::string("qa0=/m,precision=") + wrong);
    ASSERT_FALSE(model);
    EXPECT_EQ(model.error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(model.error().text,
              std::string("model qa0: precision=") + wrong + ": f32, bf16, int8 or auto is needed");
  }
}

class ReadConfig : public testing::Test {
 protected:
  Result<ServeOptions> read(const std::string& text) {
    return read_config(folder_.write("onecopy.toml", text));
  }
  TestFolder folder_;
};

TEST_F(ReadConfig, Precisions) {
  const auto options = read(R"(
[[model]]
name = "a"
path = "m"
precision = "int8"
[[model]]
name = "b"
path = "m"
)");
  ASSERT_TRUE(options) << options.error().text;
  ASSERT_EQ(options->models.size(), 2U);
  EXPECT_EQ(options->models[0].precision, PrecisionChoice::kInt8);
  EXPECT_EQ(options->models[1].precision, PrecisionChoice::kF32);
}

TEST_F(ReadConfig, AnUnknownPrecisionNamesTheModelAndTheFile) {
  const auto options = read("[[model]]\nname = \"a\"\npath = \"m\"\nprecision = \"fp16\"\n");
  ASSERT_FALSE(options);
  for (const char* part : {"onecopy.toml", "model a", "precision=fp16", "f32, bf16, int8 or auto"})
    EXPECT_THAT(options.error().text, HasSubstr(part));
}

TEST(ParseModel, RefusalsNameWhatIsWrong) {
  EXPECT_THAT(parse_model("qa0").error().text, HasSubstr("NAME=DIR"));
  EXPECT_THAT(parse_model("=x").error().text, HasSubstr("NAME=DIR"));
  EXPECT_THAT(parse_model("qa0=").error().text, HasSubstr("NAME=DIR"));
  EXPECT_THAT(parse_model("a:b=/m").error().text, HasSubstr("a:b"));
  EXPECT_THAT(parse_model(std::string(65, 'n') + "=/m").error().text, HasSubstr("64"));
  EXPECT_THAT(parse_model("qa0=/m,version=-1").error().text, HasSubstr("version=-1"));
  EXPECT_THAT(parse_model("qa0=/m,version=1x").error().text, HasSubstr("version=1x"));
}

}  // namespace
}  // namespace onecopy::host
