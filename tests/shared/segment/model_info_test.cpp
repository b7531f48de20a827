#include "shared/segment/model_info.h"

#include <gmock/gmock.h>

#include <functional>
#include <limits>

#include "shared/base/json.h"

namespace onecopy {
namespace {

using ::testing::HasSubstr;

ModelInfo example() {
  ModelInfo info;
  info.name = "toxic";
  info.version = 7;
  info.family = Family::kRoberta;
  info.vocab_size = 50265;
  info.hidden = 768;
  info.layers = 12;
  info.heads = 12;
  info.intermediate = 3072;
  info.positions = 514;
  info.type_vocab = 1;
  info.pad_token_id = 1;
  info.layer_norm_eps = 1e-5F;
  info.activation = Activation::kGeluTanh;
  info.task = Task::kSequenceClassification;
  info.problem = ProblemType::kMultiLabel;
  info.labels = {"good", "schlecht \xc3\xbc"};
  info.pooling = Pooling::kMax;
  info.normalize = true;
  info.max_tokens = 512;
  return info;
}

TEST(ModelInfo, JsonRoundTrip) {
  const auto back = model_info_from_json(to_json(example()));
  ASSERT_TRUE(back) << back.error().text;
  EXPECT_EQ(*back, example());
}

TEST(ModelInfo, RobertaLosesPositions) {
  ModelInfo info = example();
  EXPECT_EQ(usable_positions(info), 512U);
  info.pad_token_id = 513;
  EXPECT_EQ(usable_positions(info), 0U);
  info.family = Family::kBert;
  EXPECT_EQ(usable_positions(info), 514U);
}

struct Damage {
  const char* field;
  std::function<void(ModelInfo&)> apply;
};

TEST(ModelInfo, EveryFieldIsChecked) {
  const std::vector<Damage> damages = {
      {"name", [](ModelInfo& i) { i.name = "a/b"; }},
      {"version", [](ModelInfo& i) { i.version = 0; }},
      {"vocab_size", [](ModelInfo& i) { i.vocab_size = 0; }},
      {"vocab_size", [](ModelInfo& i) { i.vocab_size = 2'000'000; }},
      {"hidden", [](ModelInfo& i) { i.hidden = 8193; }},
      {"hidden", [](ModelInfo& i) { i.heads = 7; }},
      {"heads", [](ModelInfo& i) { i.heads = 0; }},
      {"layers", [](ModelInfo& i) { i.layers = 129; }},
      {"intermediate", [](ModelInfo& i) { i.intermediate = 0; }},
      {"positions", [](ModelInfo& i) { i.positions = 70'000; }},
      {"type_vocab", [](ModelInfo& i) { i.type_vocab = 0; }},
      {"pad_token_id", [](ModelInfo& i) { i.pad_token_id = i.vocab_size; }},
      {"layer_norm_eps", [](ModelInfo& i) { i.layer_norm_eps = 0; }},
      {"layer_norm_eps",
       [](ModelInfo& i) { i.layer_norm_eps = std::numeric_limits<float>::quiet_NaN(); }},
      {"max_tokens", [](ModelInfo& i) { i.max_tokens = 513; }},
      {"max_tokens", [](ModelInfo& i) { i.max_tokens = 0; }},
      {"labels", [](ModelInfo& i) { i.labels.clear(); }},
      {"labels", [](ModelInfo& i) { i.labels.resize(10'001); }},
      {"label", [](ModelInfo& i) { i.labels[0].assign(1025, 'x'); }},
      {"labels", [](ModelInfo& i) { i.task = Task::kEmbedding; }},
  };
  ASSERT_TRUE(check(example()));
  for (const Damage& damage : damages) {
    ModelInfo info = example();
    damage.apply(info);
    const Status status = check(info);
    ASSERT_FALSE(status) << damage.field;
    EXPECT_THAT(status.error().text, HasSubstr(damage.field));
    EXPECT_FALSE(model_info_from_json(to_json(info))) << damage.field;
  }
}

TEST(ModelInfo, MissingOrMistypedFieldsAreNamed) {
  const Json good = Json::parse(to_json(example()));
  for (const auto& [key, value] : good.items()) {
    Json missing = good;
    missing.erase(key);
    const auto without = model_info_from_json(missing.dump());
    ASSERT_FALSE(without) << key;
    EXPECT_THAT(without.error().text, HasSubstr(key));

    Json mistyped = good;
    mistyped[key] = Json::object();
    EXPECT_FALSE(model_info_from_json(mistyped.dump())) << key;
  }
  EXPECT_FALSE(model_info_from_json("[]"));
  EXPECT_FALSE(model_info_from_json("{"));
}

TEST(ModelInfo, UnknownEnumeratorIsRefused) {
  Json json = Json::parse(to_json(example()));
  json["task"] = "translation";
  EXPECT_FALSE(model_info_from_json(json.dump()));
}

}  // namespace
}  // namespace onecopy
