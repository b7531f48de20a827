// Models packed as bf16 and int8: which tensors, with which values, and what they share.
#include "host/publish/precision.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>

#include "shared/base/bf16.h"
#include "tests/host/publish/loaded_model.h"

namespace onecopy::host {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

bool is_layer_weight(std::string_view name) {
  return name.starts_with("layer.") && name.ends_with(".weight") &&
         name.find("norm") == std::string_view::npos;
}

DType expected_type(std::string_view name, PrecisionChoice precision) {
  if (precision == PrecisionChoice::kF32) return DType::kF32;
  if (name == "embeddings.word") return DType::kBf16;
  if (!is_layer_weight(name)) return DType::kF32;
  return precision == PrecisionChoice::kInt8 ? DType::kS8 : DType::kBf16;
}

// What is left of exact rows in a type: the nearest numbers that it has.
std::vector<float> as_type(std::vector<float> values, DType dtype, std::size_t cols) {
  if (dtype == DType::kBf16) {
    for (float& v : values) v = widen_bf16(narrow_bf16(v));
  }
  for (std::size_t row = 0; dtype == DType::kS8 && row < values.size(); row += cols) {
    float largest = 0;
    for (std::size_t k = row; k < row + cols; ++k) largest = std::max(largest, std::abs(values[k]));
    const float scale = largest / 127.0F;
    for (std::size_t k = row; k < row + cols; ++k)
      values[k] = std::nearbyint(values[k] / scale) * scale;
  }
  return values;
}

class PrecisionTest : public LoaderTest {
 protected:
  // Every tensor of `model` is that of the same model in f32, in the type that it should have.
  void expect_rounded(const LoadedModel& model, const LoadedModel& exact,
                      PrecisionChoice precision) {
    const Segment segment = open(model);
    const Segment reference = open(exact);
    const auto entries = segment.entries();
    EXPECT_EQ(entries.size(), reference.entries().size());
    for (const Segment::Entry& entry : entries) {
      const TensorView& view = entry.view;
      EXPECT_EQ(view.dtype, expected_type(entry.name, precision)) << entry.name;
      EXPECT_EQ(view.bytes.size(), packed_bytes(view.layout, view.dtype, view.rows, view.cols));
      EXPECT_EQ(unpack(view), as_type(unpack(reference, entry.name), view.dtype, view.cols))
          << entry.name;
    }
  }
  void expect_rounded(const std::filesystem::path& folder,
                      const std::optional<std::filesystem::path>& adapter = std::nullopt) {
    const auto exact = load(folder, adapter);
    ASSERT_TRUE(exact) << exact.error().text;
    EXPECT_EQ(exact->info.precision, Precision::kF32);
    for (const auto& [choice, precision] : {std::pair{PrecisionChoice::kBf16, Precision::kBf16},
                                            std::pair{PrecisionChoice::kInt8, Precision::kInt8}}) {
      const auto model = load(folder, adapter, choice);
      ASSERT_TRUE(model) << model.error().text;
      EXPECT_EQ(model->info.precision, precision);
      EXPECT_EQ(open(*model).info().precision, precision);
      expect_rounded(*model, *exact, choice);
    }
  }
  static void change_key(const TestFolder& folder, std::size_t index, float value) {
    rewrite_weights(folder, [&](std::vector<MadeTensor>& tensors) {
      const std::string name = "bert.encoder.layer.1.attention.self.key.weight";
      std::ranges::find(tensors, name, &MadeTensor::name)->values[index] = value;
    });
  }
  // Bytes of the tensors that `select` takes.
  template <class Select>
  std::uint64_t bytes_of(const LoadedModel& model, const Select& select) {
    std::uint64_t bytes = 0;
    const Segment segment = open(model);
    for (const Segment::Entry& entry : segment.entries())
      bytes += select(entry) ? entry.view.bytes.size() : 0;
    return bytes;
  }
  static bool is_f32(const Segment::Entry& entry) { return entry.view.dtype == DType::kF32; }
};

TEST_F(PrecisionTest, EveryFamilyHeadAndSourceType) {
  for (const char* name : {"tiny-bert-qa", "tiny-bert-cls-bf16", "tiny-bert-embed",
                           "tiny-roberta-cls-f16", "tiny-roberta-cls", "tiny-distilbert-cls"}) {
    SCOPED_TRACE(name);
    expect_rounded(golden_model(name));
  }
}

TEST_F(PrecisionTest, AdaptersAreMergedBeforeRounding) {
  expect_rounded(golden_model("tiny-bert-embed"),
                 std::filesystem::path(ONECOPY_SOURCE_DIR) / "tests/host/publish/lora/bert-qa");
}

TEST_F(PrecisionTest, WhatTheMachineLacksIsNamed) {
  context_.arithmetic.int8_lacks = "AVX2";
  EXPECT_TRUE(load(golden_model("tiny-bert-qa"), PrecisionChoice::kF32));
  EXPECT_TRUE(load(golden_model("tiny-bert-qa"), PrecisionChoice::kBf16));
  const auto int8 = load(golden_model("tiny-bert-qa"), PrecisionChoice::kInt8);
  ASSERT_FALSE(int8);
  EXPECT_EQ(int8.error().code, ErrorCode::kUnsupported);
  EXPECT_THAT(int8.error().text, HasSubstr("precision=int8: this machine lacks AVX2"));
}

TEST_F(PrecisionTest, WeightsThatAreNotFinite) {
  TestFolder folder;
  folder.copy(golden_model("tiny-bert-qa"));
  change_key(folder, 77, HUGE_VALF);
  const auto int8 = load(folder.path(), PrecisionChoice::kInt8);
  ASSERT_FALSE(int8);
  EXPECT_EQ(int8.error().code, ErrorCode::kCorrupt);
  for (const char* part : {"model m: ", "model.safetensors", "layer.1.key.weight", "not finite"})
    EXPECT_THAT(int8.error().text, HasSubstr(part));
  EXPECT_TRUE(list_segments(instance_).empty());
  const auto bf16 = load(folder.path(), PrecisionChoice::kBf16);
  ASSERT_TRUE(bf16);
  EXPECT_EQ(unpack(open(*bf16), "layer.1.key.weight")[77], HUGE_VALF);
}

TEST_F(PrecisionTest, TheSameModelTwiceIsStoredOnce) {
  for (const PrecisionChoice precision : {PrecisionChoice::kBf16, PrecisionChoice::kInt8}) {
    const auto first = load(golden_model("tiny-bert-qa"), precision);
    const auto second = load(golden_model("tiny-bert-qa-sharded"), precision);
    ASSERT_TRUE(first && second);
    EXPECT_EQ(second->bytes_borrowed, bytes_of(*second, [](const auto&) { return true; }));
    EXPECT_THAT(open(*second).dependencies(), ElementsAre(first->segment->name()));
    EXPECT_EQ(unpack(open(*second), "layer.2.ffn_in.weight"),
              unpack(open(*first), "layer.2.ffn_in.weight"));
    models_.clear();
  }
}

TEST_F(PrecisionTest, WhatIsF32InBothIsShared) {
  const auto f32 = load(golden_model("tiny-bert-cls"), PrecisionChoice::kF32);
  const auto int8 = load(golden_model("tiny-bert-cls"), PrecisionChoice::kInt8);
  ASSERT_TRUE(f32 && int8);
  EXPECT_GT(int8->bytes_borrowed, 0U);
  EXPECT_EQ(int8->bytes_borrowed, bytes_of(*int8, is_f32));
  const Segment segment = open(*int8);
  for (const Segment::Entry& entry : segment.entries())
    EXPECT_EQ(entry.segment == f32->segment->name(), is_f32(entry)) << entry.name;
}

TEST_F(PrecisionTest, Bf16AndInt8ShareTheTableOfWords) {
  const auto int8 = load(golden_model("tiny-bert-cls"), PrecisionChoice::kInt8);
  const auto bf16 = load(golden_model("tiny-bert-cls"), PrecisionChoice::kBf16);
  ASSERT_TRUE(int8 && bf16);
  EXPECT_EQ(bf16->bytes_borrowed, bytes_of(*bf16, [](const Segment::Entry& entry) {
              return !is_layer_weight(entry.name);
            }));
}

// Weights that no longer differ after rounding are equal: what is compared is what is stored.
TEST_F(PrecisionTest, DifferencesBelowTheRoundingAreShared) {
  TestFolder folder;
  TestFolder other;
  for (const auto& [to, value] : {std::pair{&folder, 0x1p-30F}, std::pair{&other, 0x1p-31F}}) {
    to->copy(golden_model("tiny-bert-qa"));
    change_key(*to, 1234, value);  // not a place that the fingerprint samples
  }
  const auto key_is_borrowed = [&](PrecisionChoice precision) {
    const auto first = load(folder.path(), precision);
    const auto second = load(other.path(), precision);
    EXPECT_TRUE(first && second);
    const Segment segment = open(*second);
    bool borrowed = false;
    for (const Segment::Entry& entry : segment.entries())
      borrowed |= entry.name == "layer.1.key.weight" && entry.segment != segment.name();
    models_.clear();
    return borrowed;
  };
  EXPECT_FALSE(key_is_borrowed(PrecisionChoice::kF32));
  EXPECT_TRUE(key_is_borrowed(PrecisionChoice::kInt8));
}

}  // namespace
}  // namespace onecopy::host
