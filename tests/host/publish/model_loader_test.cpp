#include "host/publish/model_loader.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "shared/tokenizer/tokenizer.h"
#include "tests/host/publish/loaded_model.h"

namespace onecopy::host {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

TEST_F(LoaderTest, BertForQuestionAnswering) {
  const auto model = load(golden_model("tiny-bert-qa"));
  ASSERT_TRUE(model) << model.error().text;
  EXPECT_EQ(model->info.task, Task::kQuestionAnswering);
  EXPECT_EQ(model->info.max_tokens, 512U);
  const Segment segment = open(*model);
  EXPECT_EQ(segment.info(), model->info);
  EXPECT_EQ(segment.bytes(), model->bytes_own);
  EXPECT_TRUE(Tokenizer::from_image(segment.tokenizer_image()));

  const auto file = golden_model("tiny-bert-qa") / "model.safetensors";
  const std::vector<std::pair<std::string, std::string>> pairs = {
      {"embeddings.word", "bert.embeddings.word_embeddings.weight"},
      {"embeddings.position", "bert.embeddings.position_embeddings.weight"},
      {"embeddings.type", "bert.embeddings.token_type_embeddings.weight"},
      {"embeddings.norm.bias", "bert.embeddings.LayerNorm.bias"},
      {"layer.0.query.weight", "bert.encoder.layer.0.attention.self.query.weight"},
      {"layer.1.key.weight", "bert.encoder.layer.1.attention.self.key.weight"},
      {"layer.1.key.bias", "bert.encoder.layer.1.attention.self.key.bias"},
      {"layer.2.value.weight", "bert.encoder.layer.2.attention.self.value.weight"},
      {"layer.2.attention_out.weight", "bert.encoder.layer.2.attention.output.dense.weight"},
      {"layer.2.attention_norm.weight", "bert.encoder.layer.2.attention.output.LayerNorm.weight"},
      {"layer.0.ffn_in.weight", "bert.encoder.layer.0.intermediate.dense.weight"},
      {"layer.0.ffn_out.weight", "bert.encoder.layer.0.output.dense.weight"},
      {"layer.0.ffn_norm.bias", "bert.encoder.layer.0.output.LayerNorm.bias"},
      {"qa.weight", "qa_outputs.weight"},
      {"qa.bias", "qa_outputs.bias"},
  };
  for (const auto& [ours, theirs] : pairs)
    EXPECT_EQ(unpack(segment, ours), in_file(file, theirs)) << ours;
}

TEST_F(LoaderTest, ClassificationHeads) {
  const auto bert = load(golden_model("tiny-bert-cls"));
  ASSERT_TRUE(bert) << bert.error().text;
  EXPECT_THAT(bert->info.labels, ElementsAre("LABEL_0", "LABEL_1"));
  EXPECT_EQ(bert->info.problem, ProblemType::kSingleLabel);
  EXPECT_EQ(
      unpack(open(*bert), "pooler.weight"),
      in_file(golden_model("tiny-bert-cls") / "model.safetensors", "bert.pooler.dense.weight"));

  const auto roberta = load(golden_model("tiny-roberta-cls"));
  ASSERT_TRUE(roberta) << roberta.error().text;
  EXPECT_EQ(roberta->info.labels.size(), 5U);
  EXPECT_EQ(roberta->info.problem, ProblemType::kMultiLabel);
  EXPECT_EQ(roberta->info.max_tokens, 128U);
  EXPECT_EQ(unpack(open(*roberta), "classifier.weight"),
            in_file(golden_model("tiny-roberta-cls") / "model.safetensors",
                    "classifier.out_proj.weight"));

  const auto distil = load(golden_model("tiny-distilbert-cls"));
  ASSERT_TRUE(distil) << distil.error().text;
  EXPECT_THAT(distil->info.labels, ElementsAre("negative", "neutral", "positive"));
  const auto file = golden_model("tiny-distilbert-cls") / "model.safetensors";
  EXPECT_EQ(unpack(open(*distil), "pooler.weight"), in_file(file, "pre_classifier.weight"));
  EXPECT_EQ(unpack(open(*distil), "layer.1.query.weight"),
            in_file(file, "distilbert.transformer.layer.1.attention.q_lin.weight"));
  EXPECT_EQ(unpack(open(*distil), "layer.1.ffn_norm.weight"),
            in_file(file, "distilbert.transformer.layer.1.output_layer_norm.weight"));
}

TEST_F(LoaderTest, SentenceTransformer) {
  const auto model = load(golden_model("tiny-bert-embed"));
  ASSERT_TRUE(model) << model.error().text;
  EXPECT_EQ(model->info.task, Task::kEmbedding);
  EXPECT_EQ(model->info.pooling, Pooling::kMean);
  EXPECT_TRUE(model->info.normalize);
  EXPECT_EQ(model->info.max_tokens, 128U);
  const Segment segment = open(*model);
  for (const Segment::Entry& entry : segment.entries())
    EXPECT_THAT(entry.name, Not(HasSubstr("pooler")));
}

TEST_F(LoaderTest, HalfPrecisionIsWidenedExactly) {
  for (const auto& [model, tensor, ours] :
       {std::tuple{"tiny-bert-cls-bf16", "bert.encoder.layer.1.intermediate.dense.weight",
                   "layer.1.ffn_in.weight"},
        std::tuple{"tiny-roberta-cls-f16", "roberta.encoder.layer.1.intermediate.dense.weight",
                   "layer.1.ffn_in.weight"},
        std::tuple{"tiny-roberta-cls-f16", "roberta.embeddings.word_embeddings.weight",
                   "embeddings.word"}}) {
    const auto loaded = load(golden_model(model));
    ASSERT_TRUE(loaded) << loaded.error().text;
    EXPECT_EQ(unpack(open(*loaded), ours),
              in_file(golden_model(model) / "model.safetensors", tensor))
        << model;
  }
}

TEST_F(LoaderTest, ShardedFilesGiveTheSameSegment) {
  const auto whole = load(golden_model("tiny-bert-qa"));
  const auto sharded = load(golden_model("tiny-bert-qa-sharded"));
  ASSERT_TRUE(whole && sharded);
  const Segment a = open(*whole);
  const Segment b = open(*sharded);
  for (const Segment::Entry& entry : a.entries()) {
    EXPECT_EQ(unpack(a, entry.name), unpack(b, entry.name)) << entry.name;
  }
}

TEST_F(LoaderTest, ProgressReachesTheTotal) {
  std::uint64_t last = 0;
  std::uint64_t end = 0;
  context_.progress = [&](std::uint64_t done, std::uint64_t total) {
    EXPECT_GT(done, last);
    last = done;
    end = total;
  };
  const auto model = load_model({"m", golden_model("tiny-bert-qa"), 1, std::nullopt}, instance_, 1,
                                catalogue_, context_);
  ASSERT_TRUE(model);
  EXPECT_EQ(last, end);
  EXPECT_EQ(end, 1'295'624U);  // 323,906 parameters
}

// A folder that a test spoils.
class SpoiltFolderTest : public LoaderTest {
 protected:
  void expect_refused(const std::vector<std::string>& words) {
    const auto model = load(folder_.path());
    ASSERT_FALSE(model) << words[0];
    for (const std::string& word : words) EXPECT_THAT(model.error().text, HasSubstr(word));
    EXPECT_THAT(model.error().text, HasSubstr("model m: "));
    EXPECT_EQ(model.error().text.find('\n'), std::string::npos);
    EXPECT_TRUE(list_segments(instance_).empty());
  }
  void rewrite_weights(const Change& change) { LoaderTest::rewrite_weights(folder_, change); }
  static MadeTensor& find(std::vector<MadeTensor>& tensors, const std::string& name) {
    return *std::ranges::find(tensors, name, &MadeTensor::name);
  }
  TestFolder folder_;
};

TEST_F(SpoiltFolderTest, MissingTensor) {
  folder_.copy(golden_model("tiny-bert-qa"));
  rewrite_weights([](auto& tensors) {
    std::erase_if(tensors, [](const MadeTensor& t) {
      return t.name == "bert.encoder.layer.1.output.dense.bias";
    });
  });
  expect_refused({"model.safetensors", "no tensor bert.encoder.layer.1.output.dense.bias"});
}

TEST_F(SpoiltFolderTest, WrongShape) {
  folder_.copy(golden_model("tiny-bert-qa"));
  rewrite_weights([](auto& tensors) {
    find(tensors, "bert.encoder.layer.1.output.dense.weight").shape = {256, 64};
  });
  expect_refused(
      {"model.safetensors", "bert.encoder.layer.1.output.dense.weight", "[256, 64]", "[64, 256]"});
}

TEST_F(SpoiltFolderTest, ConfigThatDoesNotFitTheTensors) {
  folder_.copy(golden_model("tiny-bert-qa"));
  folder_.patch("config.json", {{"vocab_size", 2201}});
  expect_refused({"word_embeddings", "[2200, 64]", "[2201, 64]"});
  folder_.patch("config.json", {{"vocab_size", 2200}, {"num_hidden_layers", 4}});
  expect_refused({"no tensor bert.encoder.layer.3.attention.self.query.weight"});
}

TEST_F(SpoiltFolderTest, WrongType) {
  folder_.copy(golden_model("tiny-bert-qa"));
  std::string file = folder_.read("model.safetensors");
  const std::size_t at = file.find("\"F32\"", file.find("\"qa_outputs.bias\""));
  file.replace(at, 5, "\"I32\"");
  folder_.write("model.safetensors", file);
  expect_refused({"qa_outputs.bias", "I32", "F32, F16 and BF16"});
}

TEST_F(SpoiltFolderTest, TruncatedWeights) {
  folder_.copy(golden_model("tiny-bert-qa"));
  std::filesystem::resize_file(folder_.path() / "model.safetensors", 1'000'000);
  expect_refused({"model.safetensors", "not within"});
}

TEST_F(SpoiltFolderTest, UnsupportedArchitectures) {
  folder_.copy(golden_model("tiny-bert-qa"));
  folder_.patch("config.json", {{"architectures", {"BertForMaskedLM"}}});
  expect_refused({"BertForMaskedLM", "ForQuestionAnswering"});
  folder_.patch("config.json",
                {{"architectures", {"BertForQuestionAnswering"}}, {"model_type", "gpt2"}});
  expect_refused({"gpt2", "distilbert"});
  folder_.patch("config.json", {{"model_type", "bert"}, {"is_decoder", true}});
  expect_refused({"is_decoder"});
}

TEST_F(SpoiltFolderTest, LabelsThatDoNotFitTheClassifier) {
  folder_.copy(golden_model("tiny-bert-cls"));
  folder_.patch("config.json", {{"id2label", {{"0", "a"}, {"1", "b"}, {"2", "c"}}}});
  expect_refused({"3 labels", "2 rows"});
  folder_.patch("config.json", {{"id2label", {{"2", nullptr}, {"1", nullptr}, {"7", "b"}}}});
  expect_refused({"no label 1"});
}

TEST_F(SpoiltFolderTest, NoFolderOrNoFiles) {
  expect_refused({"config.json"});
  EXPECT_THAT(load("/no/such/folder").error().text, HasSubstr("/no/such/folder"));
  folder_.copy(golden_model("tiny-bert-qa"));
  std::filesystem::remove(folder_.path() / "model.safetensors");
  expect_refused({"no model.safetensors"});
}

TEST_F(SpoiltFolderTest, BadTokenizer) {
  folder_.copy(golden_model("tiny-bert-qa"));
  folder_.write("tokenizer.json", "{");
  expect_refused({"tokenizer.json"});
}

TEST_F(SpoiltFolderTest, NamesAreChecked) {
  for (const char* name : {"", "a/b", "a:b"}) {
    EXPECT_FALSE(load_model({name, golden_model("tiny-bert-qa"), 1, std::nullopt}, instance_, 1,
                            catalogue_));
  }
  EXPECT_FALSE(
      load_model({"m", golden_model("tiny-bert-qa"), 0, std::nullopt}, instance_, 1, catalogue_));
}

TEST_F(SpoiltFolderTest, EncoderWithoutPrefixAndOldNormNames) {
  folder_.copy(golden_model("tiny-bert-qa"));
  rewrite_weights([](auto& tensors) {
    for (MadeTensor& tensor : tensors) {
      if (tensor.name.starts_with("bert.")) tensor.name.erase(0, 5);
      if (tensor.name.ends_with("LayerNorm.weight"))
        tensor.name.replace(tensor.name.size() - 6, 6, "gamma");
      if (tensor.name.ends_with("LayerNorm.bias"))
        tensor.name.replace(tensor.name.size() - 4, 4, "beta");
    }
    tensors.push_back({"cls.predictions.bias", {3}, {1, 2, 3}});  // another head's: passed over
  });
  const auto old = load(folder_.path());
  const auto usual = load(golden_model("tiny-bert-qa"));
  ASSERT_TRUE(old) << old.error().text;
  ASSERT_TRUE(usual);
  EXPECT_EQ(unpack(open(*old), "layer.1.ffn_norm.weight"),
            unpack(open(*usual), "layer.1.ffn_norm.weight"));
  EXPECT_EQ(usual->bytes_borrowed, 1'295'624U);
}

TEST_F(SpoiltFolderTest, PlainEncoderHasMeanPooling) {
  folder_.copy(golden_model("tiny-bert-embed"));
  std::filesystem::remove(folder_.path() / "modules.json");
  const auto model = load(folder_.path());
  ASSERT_TRUE(model) << model.error().text;
  EXPECT_EQ(model->info.pooling, Pooling::kMean);
  EXPECT_FALSE(model->info.normalize);
  EXPECT_EQ(model->info.max_tokens, 256U);
}

TEST_F(SpoiltFolderTest, ArchitectureFromTheTensorsWhereNoneIsNamed) {
  folder_.copy(golden_model("tiny-distilbert-cls"));
  folder_.patch("config.json", {{"architectures", nullptr}});
  EXPECT_EQ(load(folder_.path())->info.task, Task::kSequenceClassification);
}

TEST_F(SpoiltFolderTest, ProblemsAsThePipelineTellsThem) {
  folder_.copy(golden_model("tiny-bert-cls"));
  folder_.patch("config.json", {{"problem_type", "regression"}});
  EXPECT_EQ(load(folder_.path())->info.problem, ProblemType::kRegression);
  rewrite_weights([](auto& tensors) {
    find(tensors, "classifier.weight").shape = {1, 64};
    find(tensors, "classifier.weight").values.resize(64);
    find(tensors, "classifier.bias").shape = {1};
    find(tensors, "classifier.bias").values.resize(1);
  });
  EXPECT_EQ(load(folder_.path())->info.problem, ProblemType::kRegression);
  folder_.patch("config.json", {{"problem_type", nullptr}});
  const auto one = load(folder_.path());
  EXPECT_EQ(one->info.problem, ProblemType::kMultiLabel);  // a sigmoid
  EXPECT_THAT(one->info.labels, ElementsAre("LABEL_0"));
}

TEST_F(SpoiltFolderTest, MaxTokensIsTheSmallestBound) {
  folder_.copy(golden_model("tiny-bert-qa"));
  folder_.patch("tokenizer_config.json", {{"model_max_length", 100}});
  EXPECT_EQ(load(folder_.path())->info.max_tokens, 100U);
  folder_.patch("tokenizer_config.json", {{"model_max_length", 100'000}});
  EXPECT_EQ(load(folder_.path())->info.max_tokens, 512U);
}

}  // namespace
}  // namespace onecopy::host
