#include "host/publish/model_config.h"

#include <gmock/gmock.h>

#include "tests/host/publish/test_folder.h"

namespace onecopy::host {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

Json bert() {
  return {{"model_type", "bert"},     {"architectures", {"BertForQuestionAnswering"}},
          {"hidden_size", 64},        {"num_hidden_layers", 3},
          {"num_attention_heads", 4}, {"intermediate_size", 256},
          {"vocab_size", 2200},       {"max_position_embeddings", 512}};
}

// Through text: a file's whole numbers are unsigned, those of a C++ literal are not.
Result<ModelConfig> parse(const Json& json) {
  return parse_model_config(Json::parse(json.dump()), "DIR/config.json");
}

Result<ModelConfig> parse_with(const char* key, const Json& value) {
  Json json = bert();
  json[key] = value;
  return parse(json);
}

TEST(ModelConfig, Bert) {
  const auto config = parse(bert());
  ASSERT_TRUE(config) << config.error().text;
  EXPECT_EQ(config->architecture, "BertForQuestionAnswering");
  EXPECT_EQ(config->encoder.hidden, 64U);
  EXPECT_EQ(config->encoder.layers, 3U);
  EXPECT_EQ(config->encoder.heads, 4U);
  EXPECT_EQ(config->encoder.intermediate, 256U);
  EXPECT_EQ(config->encoder.type_vocab, 2U);
  EXPECT_EQ(config->encoder.pad_token_id, 0U);
  EXPECT_EQ(config->encoder.layer_norm_eps, 1e-12F);
  EXPECT_EQ(config->encoder.activation, Activation::kGelu);
}

TEST(ModelConfig, MissingSizesAreTransformersDefaults) {
  const auto roberta = parse({{"model_type", "roberta"}});
  ASSERT_TRUE(roberta) << roberta.error().text;
  EXPECT_EQ(roberta->encoder.vocab_size, 50265U);
  EXPECT_EQ(roberta->encoder.hidden, 768U);
  EXPECT_EQ(roberta->encoder.pad_token_id, 1U);
  const auto distil = parse({{"model_type", "distilbert"}});
  ASSERT_TRUE(distil) << distil.error().text;
  EXPECT_EQ(distil->encoder.layers, 6U);
  EXPECT_EQ(distil->encoder.type_vocab, 0U);
}

TEST(ModelConfig, Families) {
  EXPECT_EQ(parse({{"model_type", "camembert"}})->encoder.family, Family::kRoberta);
  EXPECT_EQ(parse({{"model_type", "xlm-roberta"}})->encoder.family, Family::kRoberta);
  EXPECT_EQ(parse({{"model_type", "distilbert"}})->encoder.family, Family::kDistilBert);
}

TEST(ModelConfig, UnsupportedTypesAreNamed) {
  for (const char* type : {"gpt2", "t5", "albert", "electra", "deberta-v2", ""}) {
    const auto config = parse_with("model_type", type);
    ASSERT_FALSE(config) << type;
    EXPECT_EQ(config.error().code, ErrorCode::kUnsupported);
    EXPECT_THAT(config.error().text,
                AllOf(HasSubstr(type), HasSubstr("distilbert"), HasSubstr("DIR/config.json")));
  }
  EXPECT_FALSE(parse(Json::object()));
}

TEST(ModelConfig, Activations) {
  EXPECT_EQ(parse_with("hidden_act", "gelu_new")->encoder.activation, Activation::kGeluTanh);
  EXPECT_EQ(parse_with("hidden_act", "gelu_pytorch_tanh")->encoder.activation,
            Activation::kGeluTanh);
  EXPECT_EQ(parse_with("hidden_act", "relu")->encoder.activation, Activation::kRelu);
  EXPECT_THAT(parse_with("hidden_act", "silu").error().text, HasSubstr("silu"));
  EXPECT_EQ(parse({{"model_type", "distilbert"}, {"activation", "relu"}})->encoder.activation,
            Activation::kRelu);
}

TEST(ModelConfig, VariantsAreRefusedByName) {
  const std::vector<std::pair<const char*, Json>> variants = {
      {"is_decoder", true},
      {"add_cross_attention", true},
      {"position_embedding_type", "relative_key"},
      {"pruned_heads", {{"0", {1}}}},
      {"quantization_config", {{"bits", 4}}},
  };
  for (const auto& [key, value] : variants) {
    const auto config = parse_with(key, value);
    ASSERT_FALSE(config) << key;
    EXPECT_EQ(config.error().code, ErrorCode::kUnsupported);
    EXPECT_THAT(config.error().text, HasSubstr(key));
  }
  EXPECT_TRUE(parse_with("is_decoder", false));
  EXPECT_TRUE(parse_with("position_embedding_type", "absolute"));
  EXPECT_TRUE(parse_with("pruned_heads", Json::object()));
  EXPECT_TRUE(parse_with("position_embedding_type", nullptr));
}

TEST(ModelConfig, NumbersOutOfRange) {
  const std::vector<std::pair<const char*, std::vector<Json>>> wrong = {
      {"hidden_size", {0, -1, 8193, 64.5, "64", true, 1e300, 63}},
      {"num_attention_heads", {0, 65, 3}},
      {"num_hidden_layers", {0, 129, 4294967299ULL}},
      {"intermediate_size", {0, 65537}},
      {"vocab_size", {0, 1048577, 18446744073709551615ULL}},
      {"max_position_embeddings", {0, 65537}},
      {"type_vocab_size", {0, -2}},
      {"pad_token_id", {2200, -1}},
      {"layer_norm_eps", {0, -1e-5, 1, 2, "tiny"}},
      {"num_labels", {0, 10001}},
  };
  for (const auto& [key, values] : wrong) {
    for (const Json& value : values) {
      const auto config = parse_with(key, value);
      ASSERT_FALSE(config) << key << " = " << value;
      EXPECT_THAT(config.error().text, HasSubstr("DIR/config.json"));
    }
  }
  Json roberta = {{"model_type", "roberta"}, {"max_position_embeddings", 2}, {"pad_token_id", 1}};
  EXPECT_THAT(parse(roberta).error().text, HasSubstr("leaves no position"));
}

TEST(ModelConfig, Labels) {
  const auto config = parse_with("id2label", {{"0", "no"}, {"1", "yes"}});
  ASSERT_TRUE(config);
  EXPECT_EQ(config->id2label.at(1), "yes");
  EXPECT_FALSE(parse_with("id2label", {{"x", "no"}}));
  EXPECT_FALSE(parse_with("id2label", {{"-1", "no"}}));
  EXPECT_FALSE(parse_with("id2label", {{"0", "a"}, {"00", "b"}}));
  EXPECT_FALSE(parse_with("id2label", {{"0", 1}}));
  EXPECT_FALSE(parse_with("id2label", {{"0", std::string(1025, 'x')}}));
  EXPECT_FALSE(parse_with("id2label", {"no", "yes"}));
}

TEST(ModelConfig, ProblemTypes) {
  EXPECT_EQ(parse_with("problem_type", "regression")->problem, ProblemType::kRegression);
  EXPECT_EQ(parse_with("problem_type", "multi_label_classification")->problem,
            ProblemType::kMultiLabel);
  EXPECT_EQ(parse_with("problem_type", nullptr)->problem, std::nullopt);
  EXPECT_FALSE(parse_with("problem_type", "guessing"));
}

TEST(ModelConfig, HostileFiles) {
  TestFolder folder;
  EXPECT_EQ(read_model_config(folder.path()).error().code, ErrorCode::kNotFound);
  for (const std::string& text :
       {std::string("{"), std::string("[]"), std::string("null"), std::string(),
        std::string(200'000, '['), std::string("{\"model_type\":\"bert\",\"model_type\":1}"),
        std::string("{\"a\":1e999}"), std::string("{\"a\":\"\xff\"}")}) {
    folder.write("config.json", text);
    const auto config = read_model_config(folder.path());
    ASSERT_FALSE(config);
    EXPECT_THAT(config.error().text, HasSubstr("config.json"));
    EXPECT_LT(config.error().text.size(), 1000U);
  }
  const auto endless = parse_with("model_type", std::string(1'000'000, 'x'));
  EXPECT_LT(endless.error().text.size(), 1000U);
}

}  // namespace
}  // namespace onecopy::host
