// The encoder against a plain forward pass in double, over the shapes that models come in; batches,
// threads, and what it refuses.
#include "worker/encoder/encoder.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <random>

#include "tests/worker/encoder/encoder_random_model.h"

namespace onecopy::worker {
namespace {

using testing::HasSubstr;

std::vector<std::int32_t> random_ids(std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<std::int32_t> ids(count);
  for (std::int32_t& id : ids) id = std::uniform_int_distribution<std::int32_t>(0, 49)(random);
  return ids;
}

void expect_close(std::span<const float> got, const std::vector<double>& want) {
  ASSERT_EQ(got.size(), want.size());
  for (std::size_t i = 0; i < got.size(); ++i) ASSERT_NEAR(got[i], want[i], 3e-5) << "at " << i;
}

struct Shape {
  Family family;
  std::uint32_t heads, head_size, intermediate;
  Activation activation;
};

class EncoderShapes : public testing::TestWithParam<Shape> {};

TEST_P(EncoderShapes, EqualPlainForwardPass) {
  const Shape& shape = GetParam();
  ModelInfo info = small_model(shape.family, shape.heads, shape.head_size, shape.intermediate);
  info.activation = shape.activation;
  const auto model = random_model(info, 1);
  ASSERT_TRUE(model);
  Workspace workspace(2);
  for (const std::size_t length : {1u, 2u, 7u, 48u, 49u, 64u, 65u, 130u, 200u}) {
    SCOPED_TRACE(length);
    const auto ids = random_ids(length, static_cast<unsigned>(length));
    std::vector<std::int32_t> type_ids(length, 0);
    if (info.type_vocab == 2) std::ranges::fill(std::span(type_ids).subspan(length / 2), 1);
    const std::vector<std::uint32_t> starts{0, static_cast<std::uint32_t>(length)};
    const auto hidden = encode(*model, {ids, type_ids, starts}, workspace);
    ASSERT_TRUE(hidden) << hidden.error().text;
    expect_close(*hidden, reference_encode(*model, ids, type_ids));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Models, EncoderShapes,
    testing::Values(Shape{Family::kBert, 4, 16, 256, Activation::kGelu},
                    Shape{Family::kBert, 3, 32, 192, Activation::kGeluTanh},
                    Shape{Family::kRoberta, 4, 48, 224, Activation::kGelu},  // heads cross blocks
                    Shape{Family::kDistilBert, 2, 64, 160, Activation::kRelu},
                    Shape{Family::kBert, 5, 7, 33, Activation::kGelu},  // multiples of nothing
                    Shape{Family::kBert, 1, 136, 96, Activation::kGelu}));

class Encoder : public testing::Test {
 protected:
  void SetUp() override {
    model_ = random_model(small_model(Family::kBert, 3, 32, 192), 2);
    ASSERT_TRUE(model_);
  }
  std::vector<float> run(std::span<const std::int32_t> ids,
                         const std::vector<std::uint32_t>& starts, Workspace& workspace) {
    const auto hidden = encode(*model_, {ids, {}, starts}, workspace);
    EXPECT_TRUE(hidden) << hidden.error().text;
    return {hidden->begin(), hidden->end()};
  }
  std::string error(std::vector<std::int32_t> ids, std::vector<std::int32_t> types,
                    std::vector<std::uint32_t> starts) {
    Workspace workspace(1);
    const auto hidden = encode(*model_, {ids, types, starts}, workspace);
    EXPECT_FALSE(hidden);
    EXPECT_EQ(workspace.bytes(), 0U);
    return hidden ? "" : hidden.error().text;
  }
  std::unique_ptr<Model> model_;
};

TEST_F(Encoder, ASequenceDoesNotDependOnItsBatchNorOnThreads) {
  const auto ids = random_ids(400, 3);
  const std::vector<std::uint32_t> starts{0, 1, 90, 290, 400};
  Workspace one(1);
  const std::vector<float> batch = run(ids, starts, one);
  for (const unsigned threads : {2U, 3U, 7U}) {
    Workspace several(threads);
    EXPECT_EQ(run(ids, starts, several), batch) << threads << " threads";
  }
  std::atomic<std::uint32_t> grant = 1;
  Workspace granted(7, &grant);
  for (const unsigned threads : {1U, 3U, 7U, 2U}) {
    grant = threads;
    EXPECT_EQ(run(ids, starts, granted), batch) << threads << " threads granted";
  }
  for (std::size_t s = 0; s + 1 < starts.size(); ++s) {
    const std::span part = std::span(ids).subspan(starts[s], starts[s + 1] - starts[s]);
    const std::vector<float> alone = run(part, {0, starts[s + 1] - starts[s]}, one);
    const auto first = batch.begin() + std::ptrdiff_t{96} * starts[s];
    EXPECT_TRUE(std::equal(alone.begin(), alone.end(), first)) << "sequence " << s;
  }
}

TEST_F(Encoder, WorkspaceGrowsToTheLargestBatchOnly) {
  Workspace workspace(1);
  run(random_ids(200, 4), {0, 200}, workspace);
  const std::size_t bytes = workspace.bytes();
  run(random_ids(20, 4), {0, 20}, workspace);
  run(random_ids(200, 5), {0, 100, 200}, workspace);
  EXPECT_EQ(workspace.bytes(), bytes);
}

TEST_F(Encoder, BorrowsItsWeights) {
  const auto entries = model_->segment().entries();
  const auto weight = model_->layers()[1].ffn_in.weight.bytes.data();
  EXPECT_TRUE(
      std::ranges::any_of(entries, [&](const auto& e) { return e.view.bytes.data() == weight; }));
}

TEST_F(Encoder, RefusesIdsOutsideTheVocabulary) {
  EXPECT_EQ(error({1, 50}, {}, {0, 2}), "token 1 has id 50, the model has 0 to 49");
  EXPECT_EQ(error({-1}, {}, {0, 1}), "token 0 has id -1, the model has 0 to 49");
}

TEST_F(Encoder, RefusesTokenTypesOutsideTheTable) {
  EXPECT_EQ(error({1, 1}, {0, 2}, {0, 2}), "token 1 has type 2, the model has 0 to 1");
  EXPECT_THAT(error({1, 1}, {0}, {0, 2}), HasSubstr("2 tokens has 1 token types"));
}

TEST_F(Encoder, RefusesLengthsThatDoNotFit) {
  EXPECT_EQ(error(random_ids(301, 1), {}, {0, 301}),
            "sequence 0 has 301 tokens, it must have 1 to 300");
  EXPECT_THAT(error({1, 2}, {}, {0, 0, 2}), HasSubstr("sequence 0 has 0 tokens"));
  EXPECT_THAT(error({1, 2}, {}, {0, 2, 1, 2}), HasSubstr("sequence 1 has -1 tokens"));
  EXPECT_THAT(error({1, 2}, {}, {0, 1}), HasSubstr("starts that do not fit"));
  EXPECT_THAT(error({}, {}, {0}), HasSubstr("starts that do not fit"));
}

TEST(RobertaEncoder, CannotUseTheFirstPositions) {
  const auto model = random_model(small_model(Family::kRoberta, 2, 16, 64), 3);
  ASSERT_TRUE(model);
  const auto ids = random_ids(299, 1);
  const std::vector<std::uint32_t> starts{0, 299};
  Workspace workspace(1);
  const auto hidden = encode(*model, {ids, {}, starts}, workspace);
  ASSERT_FALSE(hidden);
  EXPECT_EQ(hidden.error().text, "sequence 0 has 299 tokens, it must have 1 to 298");
}

TEST(BindModel, RefusesASegmentWithoutItsHead) {
  ModelInfo info = small_model(Family::kBert, 2, 16, 64);
  info.task = Task::kQuestionAnswering;
  const auto model = random_model(info, 4);
  ASSERT_TRUE(model);
  EXPECT_EQ(model->head().qa_weight.size(), 64U);
  EXPECT_TRUE(model->head().classifier_weight.empty());
}

}  // namespace
}  // namespace onecopy::worker
