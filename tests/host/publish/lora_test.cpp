#include "host/publish/lora.h"

#include <gmock/gmock.h>

#include "tests/host/publish/test_folder.h"

namespace onecopy::host {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::filesystem::path fixture(const std::string& name) {
  return std::filesystem::path(ONECOPY_SOURCE_DIR) / "tests/host/publish/lora" / name;
}

// Through text: a file's whole numbers are unsigned, those of a C++ literal are not.
Result<LoraConfig> parse(const Json& json, const std::string& where) {
  return parse_lora_config(Json::parse(json.dump()), where);
}

TEST(LoraConfig, ScalingAsInPeft) {
  EXPECT_EQ(parse({{"peft_type", "LORA"}, {"r", 4}, {"lora_alpha", 6}}, "x")->scaling(4), 1.5F);
  EXPECT_EQ(parse({{"peft_type", "LORA"}, {"r", 4}, {"lora_alpha", 6}, {"use_rslora", true}}, "x")
                ->scaling(4),
            3.0F);
}

TEST(LoraConfig, Tasks) {
  const auto task = [](const Json& type) {
    return parse({{"peft_type", "LORA"}, {"task_type", type}}, "x");
  };
  EXPECT_EQ(task("QUESTION_ANS")->task, Task::kQuestionAnswering);
  EXPECT_EQ(task("SEQ_CLS")->task, Task::kSequenceClassification);
  EXPECT_EQ(task("FEATURE_EXTRACTION")->task, Task::kEmbedding);
  EXPECT_EQ(task(nullptr)->task, std::nullopt);
  EXPECT_THAT(task("CAUSAL_LM").error().text, HasSubstr("CAUSAL_LM"));
}

TEST(LoraConfig, WhatIsNotImplementedIsRefusedByName) {
  const std::vector<std::pair<const char*, Json>> options = {
      {"peft_type", "IA3"},
      {"bias", "all"},
      {"use_dora", true},
      {"fan_in_fan_out", true},
      {"lora_bias", true},
      {"alpha_pattern", {{"query", 3}}},
      {"layer_replication", {{0, 1}}},
      {"init_lora_weights", "pissa_niter_4"},
      {"init_lora_weights", "olora"},
  };
  for (const auto& [key, value] : options) {
    Json json = {{"peft_type", "LORA"}};
    json[key] = value;
    const auto config = parse(json, "DIR/adapter_config.json");
    ASSERT_FALSE(config) << key;
    EXPECT_EQ(config.error().code, ErrorCode::kUnsupported) << key;
    EXPECT_THAT(config.error().text, AllOf(HasSubstr(key), HasSubstr("DIR/adapter_config.json")));
  }
  EXPECT_TRUE(
      parse({{"peft_type", "LORA"}, {"init_lora_weights", "gaussian"}, {"bias", "none"}}, "x"));
  EXPECT_FALSE(parse({{"peft_type", "LORA"}, {"r", 0}}, "x"));
  EXPECT_FALSE(parse({{"peft_type", "LORA"}, {"lora_alpha", "8"}}, "x"));
}

TEST(Adapter, NamesAreTheBaseModels) {
  auto adapter = Adapter::open(fixture("bert-qa"));
  ASSERT_TRUE(adapter) << adapter.error().text;
  EXPECT_EQ(adapter->task(), Task::kQuestionAnswering);
  const auto update = adapter->update("encoder.layer.1.attention.self.value.weight");
  ASSERT_TRUE(update);
  EXPECT_EQ(update->rank(), 2U);  // by rank_pattern
  EXPECT_TRUE(adapter->replacement("qa_outputs.bias"));
  EXPECT_FALSE(adapter->update("encoder.layer.1.attention.self.key.weight"));
}

TEST(Adapter, LeftoversAreNamed) {
  auto adapter = Adapter::open(fixture("bert-qa"));
  ASSERT_TRUE(adapter);
  EXPECT_THAT(adapter->check_all_used(Task::kQuestionAnswering).error().text,
              AllOf(HasSubstr("6 of its tensors"),
                    HasSubstr("encoder.layer.0.attention.self.query.weight")));
}

class MadeAdapterTest : public testing::Test {
 protected:
  MadeAdapterTest() { folder_.write("adapter_config.json", R"({"peft_type": "LORA", "r": 1})"); }
  auto open(const std::vector<MadeTensor>& tensors) {
    folder_.write("adapter_model.safetensors", safetensors(tensors));
    return Adapter::open(folder_.path());
  }
  TestFolder folder_;
};

TEST_F(MadeAdapterTest, SpellingsOfOlderVersions) {
  auto adapter = open({{"base_model.model.roberta.x.lora_A.default.weight", {1, 2}, {1, 2}},
                       {"base_model.model.roberta.x.lora_B.default.weight", {3, 1}, {1, 2, 3}},
                       {"base_model.model.classifier.modules_to_save.default.dense.bias", {1}, {1}},
                       {"base_model.model.qa_outputs.modules_to_save.bias", {1}, {1}}});
  ASSERT_TRUE(adapter) << adapter.error().text;
  EXPECT_TRUE(adapter->update("x.weight"));
  EXPECT_TRUE(adapter->replacement("classifier.dense.bias"));
  EXPECT_TRUE(adapter->replacement("qa_outputs.bias"));
  EXPECT_TRUE(adapter->check_all_used(Task::kQuestionAnswering));
}

TEST_F(MadeAdapterTest, PairsMustFit) {
  EXPECT_FALSE(open({{"base_model.model.x.lora_A.weight", {1, 2}, {1, 2}}}));
  EXPECT_FALSE(open({{"base_model.model.x.lora_A.weight", {1, 2}, {1, 2}},
                     {"base_model.model.x.lora_B.weight", {1, 2}, {1, 2}}}));
  EXPECT_THAT(open({{"base_model.model.x.lora_A.weight", {2, 1}, {1, 2}},
                    {"base_model.model.x.lora_B.weight", {1, 2}, {1, 2}}})
                  .error()
                  .text,
              HasSubstr("rank 2"));
  EXPECT_FALSE(open({{"base_model.model.x.lora_A.weight", {2}, {1, 2}},
                     {"base_model.model.x.lora_B.weight", {1, 1}, {1}}}));
}

TEST_F(MadeAdapterTest, OtherKeysAreRefused) {
  for (const char* key :
       {"base_model.model.x.lora_embedding_A", "x.weight",
        "base_model.model.x.lora_magnitude_vector", "base_model.model.x.lora_B.bias"}) {
    EXPECT_THAT(open({{key, {1}, {1}}}).error().text, HasSubstr(key));
  }
}

TEST_F(MadeAdapterTest, AnEmptyAdapterIsAnError) {
  auto adapter = open({});
  ASSERT_TRUE(adapter) << adapter.error().text;
  EXPECT_THAT(adapter->check_all_used(Task::kEmbedding).error().text, HasSubstr("changes nothing"));
}

TEST_F(MadeAdapterTest, MissingFiles) {
  EXPECT_THAT(Adapter::open(folder_.path()).error().text, HasSubstr("adapter_model.safetensors"));
  EXPECT_THAT(Adapter::open(folder_.path() / "none").error().text,
              HasSubstr("adapter_config.json"));
}

}  // namespace
}  // namespace onecopy::host
