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

class ParseOptions : public testing::Test {
 protected:
  Result<ParsedOptions> parse(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "onecopy-host");
    std::vector<const char*> argv;
    for (const auto& argument : arguments) argv.push_back(argument.c_str());
    return parse_options(static_cast<int>(argv.size()), argv.data());
  }
  TestFolder folder_;
};

TEST_F(ParseOptions, ModelsOrARootToRegisterThemFrom) {
  EXPECT_THAT(parse({}).error().text, HasSubstr("--model-root"));
  const auto parsed = parse({"--model-root", "/models"});
  ASSERT_TRUE(parsed) << parsed.error().text;
  EXPECT_EQ(parsed->options->model_root, "/models");
  EXPECT_FALSE(parsed->options->orphans_end);
  EXPECT_EQ(parsed->options->answer_cache_mb, 64U);
}

TEST_F(ParseOptions, WorkersFollowFromWhatWasSaid) {
  const auto fixed = parse({"--model-root", "/m", "--workers", "3"});
  ASSERT_TRUE(fixed);
  EXPECT_EQ(fixed->options->min_workers, 3U);
  EXPECT_EQ(fixed->options->max_workers, 3U);
  const auto range = parse({"--model-root", "/m", "--min-workers", "2", "--max-workers", "9"});
  ASSERT_TRUE(range) << range.error().text;
  EXPECT_GE(range->options->workers, 2U);
  EXPECT_LE(range->options->workers, 9U);
  EXPECT_THAT(parse({"--model-root", "/m", "--workers", "3", "--max-workers", "2"}).error().text,
              HasSubstr("--max-workers 2"));
}

TEST_F(ParseOptions, AManagementPortForOthersNeedsAKey) {
  EXPECT_THAT(parse({"--model-root", "/m", "--management-host", "0.0.0.0"}).error().text,
              HasSubstr("--management-key"));
  EXPECT_TRUE(
      parse({"--model-root", "/m", "--management-host", "0.0.0.0", "--management-key", "/k"}));
}

TEST_F(ParseOptions, TheFileHasTheSameKeysAndTheLineWins) {
  const auto file = folder_.write("onecopy.toml", R"(
workers = 2
max-workers = 4
model-root = "models"
orphans = "end"
management-key = "key"
answer-cache-mb = 16
)");
  const auto parsed = parse({"--config", file.string(), "--max-workers", "8"});
  ASSERT_TRUE(parsed) << parsed.error().text;
  const ServeOptions& options = *parsed->options;
  EXPECT_EQ(options.workers, 2U);
  EXPECT_EQ(options.max_workers, 8U);
  EXPECT_EQ(options.model_root, file.parent_path() / "models");
  EXPECT_EQ(options.management_key, file.parent_path() / "key");
  EXPECT_TRUE(options.orphans_end);
  EXPECT_EQ(options.answer_cache_mb, 16U);
  EXPECT_EQ(options.config, file);
  const auto kept = parse({"--config", file.string(), "--orphans", "keep"});
  ASSERT_TRUE(kept);
  EXPECT_FALSE(kept->options->orphans_end);
}

}  // namespace
}  // namespace onecopy::host
