#include "host/publish/model_folder.h"

#include <gmock/gmock.h>

#include "host/publish/weight_files.h"
#include "tests/host/publish/test_folder.h"

namespace onecopy::host {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(ModelFolder, PlainFolder) {
  const auto folder = read_model_folder(golden_model("tiny-bert-qa"));
  ASSERT_TRUE(folder);
  EXPECT_FALSE(folder->sentence);
}

TEST(ModelFolder, SentenceTransformers) {
  const auto folder = read_model_folder(golden_model("tiny-bert-embed"));
  ASSERT_TRUE(folder) << folder.error().text;
  ASSERT_TRUE(folder->sentence);
  EXPECT_EQ(folder->sentence->pooling, Pooling::kMean);
  EXPECT_TRUE(folder->sentence->normalize);
  EXPECT_EQ(folder->sentence->max_tokens, 128U);
}

class SentenceFolderTest : public testing::Test {
 protected:
  SentenceFolderTest() { folder_.copy(golden_model("tiny-bert-embed")); }
  void set_modules(const Json& modules) { folder_.write("modules.json", modules.dump()); }
  static Json module(const std::string& type, const std::string& path) {
    return {{"idx", 0},
            {"name", "0"},
            {"path", path},
            {"type", "sentence_transformers.models." + type}};
  }
  auto read() { return read_model_folder(folder_.path()); }
  TestFolder folder_;
};

TEST_F(SentenceFolderTest, Poolings) {
  const auto pooling = [&](const Json& flags) {
    folder_.write("1_Pooling/config.json", flags.dump());
    return read();
  };
  EXPECT_EQ(pooling({{"pooling_mode_cls_token", true}})->sentence->pooling, Pooling::kCls);
  EXPECT_EQ(pooling({{"pooling_mode_max_tokens", true}})->sentence->pooling, Pooling::kMax);
  EXPECT_EQ(pooling({{"pooling_mode", "mean"}})->sentence->pooling, Pooling::kMean);
  EXPECT_THAT(pooling({{"pooling_mode_lasttoken", true}}).error().text, HasSubstr("lasttoken"));
  EXPECT_THAT(pooling({{"pooling_mode_mean_sqrt_len_tokens", true}}).error().text,
              HasSubstr("mean_sqrt_len"));
  EXPECT_THAT(
      pooling({{"pooling_mode_cls_token", true}, {"pooling_mode_max_tokens", true}}).error().text,
      AllOf(HasSubstr("cls_token"), HasSubstr("max_tokens")));
  EXPECT_FALSE(pooling(Json::object()));
  EXPECT_FALSE(pooling(Json::array()));
}

TEST_F(SentenceFolderTest, ModulesThatChangeTheVectorAreRefused) {
  set_modules(
      {module("Transformer", ""), module("Pooling", "1_Pooling"), module("Dense", "2_Dense")});
  const auto dense = read();
  ASSERT_FALSE(dense);
  EXPECT_EQ(dense.error().code, ErrorCode::kUnsupported);
  EXPECT_THAT(dense.error().text, HasSubstr("Dense"));
  set_modules({module("Transformer", "")});
  EXPECT_FALSE(read());
  set_modules({module("Pooling", "1_Pooling"), module("Transformer", "")});
  EXPECT_FALSE(read());
  set_modules({module("Transformer", ""), module("Pooling", "1_Pooling"), module("Normalize", ""),
               module("Normalize", "")});
  EXPECT_FALSE(read());
  set_modules(Json::object());
  EXPECT_FALSE(read());
  set_modules({1});
  EXPECT_FALSE(read());
}

TEST_F(SentenceFolderTest, PathsStayInside) {
  for (const char* path : {"../other", "/etc", "a/../../b"}) {
    set_modules({module("Transformer", path), module("Pooling", "1_Pooling")});
    EXPECT_THAT(read().error().text, HasSubstr("leaves the folder")) << path;
  }
}

TEST_F(SentenceFolderTest, TransformerInAFolderOfItsOwn) {
  set_modules({module("Transformer", "0_Transformer"), module("Pooling", "1_Pooling")});
  folder_.write("0_Transformer/sentence_bert_config.json", R"({"max_seq_length": 77})");
  const auto folder = read();
  ASSERT_TRUE(folder) << folder.error().text;
  EXPECT_EQ(folder->transformer, folder_.path() / "0_Transformer");
  EXPECT_EQ(folder->sentence->max_tokens, 77U);
  EXPECT_FALSE(folder->sentence->normalize);
}

TEST_F(SentenceFolderTest, WhatWouldChangeTheTextIsRefused) {
  folder_.write("sentence_bert_config.json", R"({"max_seq_length": 128, "do_lower_case": true})");
  EXPECT_THAT(read().error().text, HasSubstr("do_lower_case"));
  folder_.write("sentence_bert_config.json", R"({"max_seq_length": -1})");
  EXPECT_FALSE(read());
  folder_.write("sentence_bert_config.json", R"({"max_seq_length": null})");
  EXPECT_EQ(read()->sentence->max_tokens, std::nullopt);
  folder_.write("config_sentence_transformers.json", R"({"default_prompt_name": "query"})");
  EXPECT_THAT(read().error().text, HasSubstr("default_prompt_name"));
}

TEST(ModelFolder, NoFolder) {
  EXPECT_EQ(read_model_folder("/no/such/folder").error().code, ErrorCode::kNotFound);
  TestFolder folder;
  EXPECT_THAT(read_model_folder(folder.write("file", "x")).error().text, HasSubstr("file"));
}

class WeightFilesTest : public testing::Test {
 protected:
  void set_index(const Json& map) {
    folder_.write("model.safetensors.index.json", Json{{"weight_map", map}}.dump());
  }
  auto open() { return WeightFiles::open(folder_.path()); }
  TestFolder folder_;
};

TEST_F(WeightFilesTest, ShardsAreOne) {
  folder_.write("one.safetensors", safetensors({{"a", {1}, {1}}}));
  folder_.write("two.safetensors", safetensors({{"b", {1}, {2}}, {"unlisted", {1}, {3}}}));
  set_index({{"a", "one.safetensors"}, {"b", "two.safetensors"}});
  const auto files = open();
  ASSERT_TRUE(files) << files.error().text;
  EXPECT_EQ(files->find("b").file->path().filename(), "two.safetensors");
  EXPECT_FALSE(files->find("unlisted"));
}

TEST_F(WeightFilesTest, ShardNamesStayInTheFolder) {
  folder_.write("one.safetensors", safetensors({{"a", {1}, {1}}}));
  for (const Json& shard :
       {Json("../one.safetensors"), Json("/one.safetensors"), Json("sub/one.safetensors"),
        Json("one"), Json(1), Json(std::string("one.safetensors\0.safetensors", 28))}) {
    set_index({{"a", shard}});
    const auto files = open();
    ASSERT_FALSE(files) << shard;
    EXPECT_THAT(files.error().text, HasSubstr("model.safetensors.index.json"));
  }
}

TEST_F(WeightFilesTest, IndexAndShardsMustAgree) {
  folder_.write("one.safetensors", safetensors({{"a", {1}, {1}}}));
  set_index({{"a", "one.safetensors"}, {"b", "one.safetensors"}});
  EXPECT_THAT(open().error().text, AllOf(HasSubstr("one.safetensors"), HasSubstr("no tensor b")));
  set_index({{"a", "two.safetensors"}});
  EXPECT_THAT(open().error().text, HasSubstr("two.safetensors"));
  folder_.write("model.safetensors.index.json", "{}");
  EXPECT_THAT(open().error().text, HasSubstr("weight_map"));
  folder_.write("model.safetensors.index.json", "[]");
  EXPECT_FALSE(open());
}

TEST_F(WeightFilesTest, PicklesAreRefusedWithTheCommandThatConverts) {
  folder_.write("pytorch_model.bin", "x");
  const auto files = open();
  ASSERT_FALSE(files);
  EXPECT_EQ(files.error().code, ErrorCode::kUnsupported);
  EXPECT_THAT(files.error().text, AllOf(HasSubstr("python3 -c"), HasSubstr("weights_only=True"),
                                        HasSubstr(folder_.path().string())));
}

TEST_F(WeightFilesTest, NothingThere) {
  EXPECT_THAT(open().error().text,
              AllOf(HasSubstr(folder_.path().string()), HasSubstr("no model.safetensors")));
}

}  // namespace
}  // namespace onecopy::host
