// Adapters merged by the host's loader, through segment, encoder and heads: the logits are PEFT's.
#include <gmock/gmock.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <nlohmann/json.hpp>

#include "host/publish/model_loader.h"
#include "worker/encoder/encoder.h"
#include "worker/encoder/head_logits.h"

namespace onecopy::worker {
namespace {

using nlohmann::json;
using testing::FloatNear;
using testing::Pointwise;

class LoraLogits : public testing::TestWithParam<const char*> {};

TEST_P(LoraLogits, AreThoseOfTheMergedModel) {
  const auto tests = std::filesystem::path(ONECOPY_SOURCE_DIR) / "tests";
  const auto adapter = tests / "host/publish/lora" / GetParam();
  const json expected = json::parse(std::ifstream(adapter / "logits.json"));
  host::TensorCatalogue catalogue;
  const auto loaded =
      host::load_model({.name = "merged",
                        .folder = tests / "golden/models" / expected["base"].get<std::string>(),
                        .adapter = adapter},
                       "test-lora-" + std::to_string(getpid()), 1, catalogue, {});
  ASSERT_TRUE(loaded) << loaded.error().text;
  auto segment = Segment::open(loaded->segment->name(), Segment::Check::kContents);
  ASSERT_TRUE(segment) << segment.error().text;
  const auto model = Model::bind(std::move(*segment));
  ASSERT_TRUE(model) << model.error().text;

  const auto ids = expected["input_ids"].get<std::vector<std::int32_t>>();
  const std::array<std::uint32_t, 2> starts{0, static_cast<std::uint32_t>(ids.size())};
  Workspace workspace(1);
  const auto hidden = encode(**model, {ids, {}, starts}, workspace, rows_read((*model)->info()));
  ASSERT_TRUE(hidden) << hidden.error().text;
  if (expected.contains("logits")) {
    const auto logits = classification_logits(**model, *hidden, workspace);
    ASSERT_TRUE(logits);
    EXPECT_THAT(*logits, Pointwise(FloatNear(1e-4F), expected["logits"].get<std::vector<float>>()));
  } else {
    const auto logits = qa_logits(**model, *hidden);
    ASSERT_TRUE(logits);
    EXPECT_THAT(logits->start,
                Pointwise(FloatNear(1e-4F), expected["start_logits"].get<std::vector<float>>()));
    EXPECT_THAT(logits->end,
                Pointwise(FloatNear(1e-4F), expected["end_logits"].get<std::vector<float>>()));
  }
}

INSTANTIATE_TEST_SUITE_P(Adapters, LoraLogits,
                         testing::Values("bert-qa", "distilbert-cls", "roberta-cls"));

}  // namespace
}  // namespace onecopy::worker
