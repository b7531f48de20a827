// The encoder in f32, bf16 and int8: near a forward pass in double over the same weights, the same
// in any batch, first rows as all rows, and never a number where a weight is none.
#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "tests/worker/encoder/encoder_random_model.h"
#include "worker/encoder/head_logits.h"

namespace onecopy::worker {
namespace {

std::vector<std::int32_t> random_ids(std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<std::int32_t> ids(count);
  for (std::int32_t& id : ids) id = std::uniform_int_distribution<std::int32_t>(0, 49)(random);
  return ids;
}

ModelInfo with_precision(ModelInfo info, Precision precision) {
  info.precision = precision;
  return info;
}

// Of normalized hidden states, which are about 1: what activations lose where they are rounded for
// a product, over two layers. The weights' rounding is in the reference too.
double bound(Precision precision) {
  switch (precision) {
    case Precision::kF32:
      return 3e-5;
    case Precision::kBf16:
      return 0.06;
    case Precision::kInt8:
      return 0.12;
  }
  return 0;
}

class EncoderPrecision : public testing::TestWithParam<Precision> {
 protected:
  std::unique_ptr<Model> model(Family family, std::uint32_t heads, std::uint32_t size,
                               std::uint32_t inner, Activation activation = Activation::kGelu,
                               const ChangeTensor& change = {}) {
    ModelInfo info = with_precision(small_model(family, heads, size, inner), GetParam());
    info.activation = activation;
    return random_model(info, 1, change);
  }
  static std::vector<float> run(const Model& model, std::span<const std::int32_t> ids,
                                const std::vector<std::uint32_t>& starts, Workspace& workspace,
                                OutputRows rows = OutputRows::kAll) {
    const auto hidden = encode(model, {ids, {}, starts}, workspace, rows);
    EXPECT_TRUE(hidden) << hidden.error().text;
    return {hidden->begin(), hidden->end()};
  }
};

struct Shape {
  Family family;
  std::uint32_t heads, size, inner;
  Activation activation;
};
constexpr Shape kShapes[] = {{Family::kBert, 3, 32, 192, Activation::kGelu},
                             {Family::kRoberta, 4, 48, 224, Activation::kGeluTanh},
                             {Family::kDistilBert, 2, 64, 160, Activation::kRelu},
                             {Family::kBert, 4, 21, 100, Activation::kGelu},
                             {Family::kBert, 1, 136, 96, Activation::kGelu}};

TEST_P(EncoderPrecision, IsNearAPlainForwardPass) {
  Workspace workspace(2);
  for (const Shape& shape : kShapes) {
    SCOPED_TRACE(testing::Message() << shape.heads << " heads of " << shape.size);
    const auto bound_model =
        model(shape.family, shape.heads, shape.size, shape.inner, shape.activation);
    ASSERT_TRUE(bound_model);
    for (const std::size_t length : {1u, 2u, 70u}) {
      const auto ids = random_ids(length, static_cast<unsigned>(length));
      const auto got = run(*bound_model, ids, {0, static_cast<std::uint32_t>(length)}, workspace);
      const auto want = reference_encode(*bound_model, ids, {});
      ASSERT_EQ(got.size(), want.size());
      for (std::size_t i = 0; i < got.size(); ++i) {
        ASSERT_NEAR(got[i], want[i], bound(GetParam())) << length << " tokens, " << i;
      }
    }
  }
}

const std::vector<std::uint32_t> kStarts{0, 1, 90, 93, 290, 400};

TEST_P(EncoderPrecision, ASequenceDoesNotDependOnItsBatchNorOnThreads) {
  for (const Shape& shape : kShapes) {
    SCOPED_TRACE(testing::Message() << shape.heads << " heads of " << shape.size);
    const auto bound_model =
        model(shape.family, shape.heads, shape.size, shape.inner, shape.activation);
    ASSERT_TRUE(bound_model);
    const auto ids = random_ids(kStarts.back(), 3);
    Workspace one(1);
    const std::vector<float> batch = run(*bound_model, ids, kStarts, one);
    for (const unsigned threads : {2U, 3U}) {
      Workspace several(threads);
      EXPECT_EQ(run(*bound_model, ids, kStarts, several), batch) << threads << " threads";
    }
    const std::size_t width = bound_model->info().hidden;
    for (std::size_t s = 0; s + 1 < kStarts.size(); ++s) {
      const std::uint32_t length = kStarts[s + 1] - kStarts[s];
      const auto alone =
          run(*bound_model, std::span(ids).subspan(kStarts[s], length), {0, length}, one);
      const auto first = batch.begin() + static_cast<std::ptrdiff_t>(kStarts[s] * width);
      EXPECT_TRUE(std::equal(alone.begin(), alone.end(), first)) << "sequence " << s;
    }
  }
}

TEST_P(EncoderPrecision, FirstRowsAreThoseOfAllRowsToTheLastBit) {
  for (const Shape& shape : kShapes) {
    SCOPED_TRACE(testing::Message() << shape.heads << " heads of " << shape.size);
    const auto bound_model =
        model(shape.family, shape.heads, shape.size, shape.inner, shape.activation);
    ASSERT_TRUE(bound_model);
    const auto ids = random_ids(kStarts.back(), 4);
    const std::size_t width = bound_model->info().hidden;
    for (const unsigned threads : {1U, 3U}) {
      Workspace workspace(threads);
      const auto all = run(*bound_model, ids, kStarts, workspace);
      const auto first = run(*bound_model, ids, kStarts, workspace, OutputRows::kFirst);
      ASSERT_EQ(first.size(), (kStarts.size() - 1) * width);
      for (std::size_t i = 0; i < first.size(); ++i) {
        ASSERT_EQ(first[i], all[kStarts[i / width] * width + i % width])
            << "sequence " << i / width << ", column " << i % width;
      }
    }
  }
}

// One number of each tensor, in turn, that is none: the server refuses scores that are not finite,
// so each must reach the output of a sequence that uses it.
constexpr const char* kTensors[] = {
    "embeddings.word",        "embeddings.position",         "embeddings.type",
    "embeddings.norm.weight", "embeddings.norm.bias",        "layer.0.query.bias",
    "layer.0.key.bias",       "layer.0.value.bias",          "layer.0.attention_out.bias",
    "layer.0.ffn_in.bias",    "layer.0.ffn_out.bias",        "layer.0.attention_norm.weight",
    "layer.0.ffn_norm.bias",  "layer.1.query.bias",          "layer.1.key.bias",
    "layer.1.value.bias",     "layer.1.attention_out.bias",  "layer.1.ffn_in.bias",
    "layer.1.ffn_out.bias",   "layer.1.attention_norm.bias", "layer.1.ffn_norm.weight"};
constexpr float kPoisons[] = {std::numeric_limits<float>::quiet_NaN(),
                              std::numeric_limits<float>::infinity()};

TEST_P(EncoderPrecision, AWeightThatIsNoNumberReachesTheOutput) {
  const std::vector<std::int32_t> ids(20, 0);
  Workspace workspace(1);
  const auto poisoned = [&](const char* name, float poison, Activation activation) {
    SCOPED_TRACE(testing::Message() << name << " has a " << poison);
    std::size_t found = 0;
    const auto bound_model = model(Family::kBert, 4, 21, 100, activation,
                                   [&](std::string_view tensor, std::vector<float>& values) {
                                     if (tensor != name) return;
                                     ++found;
                                     values[70] = poison;  // of the first row in the tables
                                   });
    ASSERT_TRUE(bound_model);
    ASSERT_EQ(found, 1U);
    for (const OutputRows rows : {OutputRows::kAll, OutputRows::kFirst}) {
      const auto hidden = run(*bound_model, ids, {0, 20}, workspace, rows);
      EXPECT_TRUE(std::ranges::any_of(hidden, [](float v) { return !std::isfinite(v); }));
    }
  };
  for (const float poison : kPoisons) {
    for (const char* name : kTensors) poisoned(name, poison, Activation::kGelu);
    for (const Activation activation : {Activation::kGeluTanh, Activation::kRelu}) {
      poisoned("layer.1.ffn_in.bias", poison, activation);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Precisions, EncoderPrecision,
                         testing::Values(Precision::kF32, Precision::kBf16, Precision::kInt8),
                         [](const auto& test) { return std::string(to_string(test.param)); });

}  // namespace
}  // namespace onecopy::worker
