// An adapter merged while packing gives what PEFT's own merge gives (lora/*, made by
// make_lora_fixtures.py).
#include <gmock/gmock.h>

#include "tests/host/publish/loaded_model.h"

namespace onecopy::host {
namespace {

using ::testing::ElementsAre;
using ::testing::FloatNear;
using ::testing::HasSubstr;
using ::testing::Pointwise;

class LoraMergeTest : public LoaderTest {
 protected:
  static std::filesystem::path adapter(const std::string& name) {
    return std::filesystem::path(ONECOPY_SOURCE_DIR) / "tests/host/publish/lora" / name;
  }
  void expect_merged(const Segment& segment, const std::string& ours, const std::string& fixture,
                     const std::string& theirs) {
    const auto expected = in_file(adapter(fixture) / "expected.safetensors", theirs);
    EXPECT_THAT(unpack(segment, ours), Pointwise(FloatNear(2e-6F), expected)) << ours;
  }
};

TEST_F(LoraMergeTest, QuestionAnsweringOnAPlainEncoder) {
  const auto model = load(golden_model("tiny-bert-embed"), adapter("bert-qa"));
  ASSERT_TRUE(model) << model.error().text;
  EXPECT_EQ(model->info.task, Task::kQuestionAnswering);
  EXPECT_EQ(model->info.max_tokens, 256U);  // not the sentence-transformers length
  const Segment segment = open(*model);
  expect_merged(segment, "layer.0.query.weight", "bert-qa",
                "bert.encoder.layer.0.attention.self.query.weight");
  expect_merged(segment, "layer.1.value.weight", "bert-qa",
                "bert.encoder.layer.1.attention.self.value.weight");
  EXPECT_EQ(unpack(segment, "qa.weight"), in_file(adapter("bert-qa") / "adapter_model.safetensors",
                                                  "base_model.model.qa_outputs.weight"));
}

TEST_F(LoraMergeTest, ClassifierInPlaceOfAnotherHead) {
  const auto model = load(golden_model("tiny-roberta-qa"), adapter("roberta-cls"));
  ASSERT_TRUE(model) << model.error().text;
  EXPECT_THAT(model->info.labels, ElementsAre("LABEL_0", "LABEL_1", "LABEL_2"));
  const Segment segment = open(*model);
  expect_merged(segment, "layer.1.ffn_in.weight", "roberta-cls",
                "roberta.encoder.layer.1.intermediate.dense.weight");
  expect_merged(segment, "pooler.weight", "roberta-cls", "classifier.dense.weight");
}

TEST_F(LoraMergeTest, AdapterUnderTheBasesOwnHead) {
  const auto model = load(golden_model("tiny-distilbert-cls"), adapter("distilbert-cls"));
  ASSERT_TRUE(model) << model.error().text;
  EXPECT_EQ(model->info.labels.size(), 3U);
  expect_merged(open(*model), "layer.1.ffn_out.weight", "distilbert-cls",
                "distilbert.transformer.layer.1.ffn.lin2.weight");
}

TEST_F(LoraMergeTest, BaseAndAdapterShareWhatIsEqual) {
  const auto base = load(golden_model("tiny-bert-embed"));
  const auto merged = load(golden_model("tiny-bert-embed"), adapter("bert-qa"));
  const auto again = load(golden_model("tiny-bert-embed"), adapter("bert-qa"));
  ASSERT_TRUE(base && merged && again);
  // All but four weights of 96 x 96, in two panels of 64, and the head of 2 x 96 + 2.
  std::uint64_t tensors = 0;
  const Segment segment = open(*merged);
  for (const Segment::Entry& entry : segment.entries()) tensors += entry.view.bytes.size();
  EXPECT_EQ(tensors - merged->bytes_borrowed, (4U * 2 * 96 * 64 + 2 * 96 + 2) * 4);
  EXPECT_EQ(again->bytes_borrowed, tensors);
}

TEST_F(LoraMergeTest, AdapterOfAnotherModelIsRefused) {
  const auto model = load(golden_model("tiny-roberta-cls"), adapter("distilbert-cls"));
  ASSERT_FALSE(model);
  EXPECT_THAT(model.error().text, HasSubstr("transformer.layer.0.attention.q_lin.weight"));

  const auto shape = load(golden_model("tiny-bert-cls"), adapter("bert-qa"));
  ASSERT_FALSE(shape);
  EXPECT_THAT(shape.error().text,
              HasSubstr("lora_A of encoder.layer.0.attention.self.query.weight"));
}

TEST_F(LoraMergeTest, MaskedLanguageModelIsABaseButNoModel) {
  TestFolder folder;
  folder.copy(golden_model("tiny-bert-embed"));
  std::filesystem::remove(folder.path() / "modules.json");
  folder.patch("config.json", {{"architectures", {"BertForMaskedLM"}}});
  EXPECT_FALSE(load(folder.path()));
  EXPECT_TRUE(load(folder.path(), adapter("bert-qa")));
}

}  // namespace
}  // namespace onecopy::host
