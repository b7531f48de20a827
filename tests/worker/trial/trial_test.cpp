// Trials of models that the host has loaded, and the precision that it chooses by them.
#include "worker/trial/trial.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>

#include "shared/base/limits.h"
#include "tests/host/publish/loaded_model.h"
#include "worker/kernels/back_ends.h"

namespace onecopy::worker {
namespace {

using host::golden_model;
using host::LoadedModel;
using host::PrecisionChoice;
using testing::HasSubstr;

class TrialTest : public host::LoaderTest {
 protected:
  TrialTest() {
    const kernels::BackEnds& back_ends = kernels::default_back_ends();
    context_.arithmetic = {.bf16_speedup = back_ends.bf16_speedup,
                           .int8_speedup = back_ends.int8_speedup,
                           .bf16_lacks = kernels::lacks_for(DType::kBf16),
                           .int8_lacks = kernels::lacks_for(DType::kS8)};
    context_.compare = [this](const host::PublishedSegment& f32,
                              const host::PublishedSegment& candidate) {
      return compare(f32.name(), candidate.name());
    };
  }
  Result<double> compare(const std::string& f32, const std::string& candidate) {
    ASSIGN_OR_RETURN(Segment exact, Segment::open(f32, Segment::Check::kContents));
    ASSIGN_OR_RETURN(Segment other, Segment::open(candidate, Segment::Check::kContents));
    ASSIGN_OR_RETURN(const TrialOutcome outcome, run_trial(std::move(other), std::move(exact)));
    return outcome.precision_error.value();
  }
  // A model whose answers are not finite.
  Result<LoadedModel> load_overflowing(PrecisionChoice precision) {
    folder_.copy(golden_model("tiny-bert-qa"));
    rewrite_weights(folder_, [](std::vector<host::MadeTensor>& tensors) {
      const std::string name = "bert.encoder.layer.1.attention.self.key.weight";
      std::ranges::find(tensors, name, &host::MadeTensor::name)->values[77] = HUGE_VALF;
    });
    return load(folder_.path(), precision);
  }

  host::TestFolder folder_;
};

TEST_F(TrialTest, EveryHeadAndPrecisionPassesAlone) {
  for (const char* name : {"tiny-bert-qa", "tiny-roberta-cls", "tiny-bert-embed"}) {
    for (const auto precision :
         {PrecisionChoice::kF32, PrecisionChoice::kBf16, PrecisionChoice::kInt8}) {
      SCOPED_TRACE(name);
      const auto model = load(golden_model(name), precision);
      ASSERT_TRUE(model) << model.error().text;
      const auto outcome = run_trial(open(*model));
      ASSERT_TRUE(outcome) << outcome.error().text;
      EXPECT_FALSE(outcome->precision_error);
    }
  }
}

TEST_F(TrialTest, AModelIsExactlyAsItself) {
  const auto exact = load(golden_model("tiny-bert-qa"), PrecisionChoice::kF32);
  ASSERT_TRUE(exact);
  const auto outcome = run_trial(open(*exact), open(*exact));
  ASSERT_TRUE(outcome) << outcome.error().text;
  EXPECT_EQ(outcome->precision_error, 0);
}

TEST_F(TrialTest, AnswersThatAreNotFiniteAreRefusedByTheSegmentsName) {
  for (const auto precision : {PrecisionChoice::kF32, PrecisionChoice::kBf16}) {
    const auto model = load_overflowing(precision);
    ASSERT_TRUE(model) << model.error().text;
    const auto outcome = run_trial(open(*model));
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, ErrorCode::kCorrupt);
    EXPECT_THAT(outcome.error().text, HasSubstr(model->segment->name()));
    EXPECT_THAT(outcome.error().text, HasSubstr("not finite"));
  }
}

TEST_F(TrialTest, AReferenceOfAnotherModelIsRefused) {
  const auto qa = load(golden_model("tiny-bert-qa"), PrecisionChoice::kF32);
  const auto cls = load(golden_model("tiny-bert-cls"), PrecisionChoice::kF32);
  ASSERT_TRUE(qa && cls);
  const auto outcome = run_trial(open(*qa), open(*cls));
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::kInvalidArgument);
}

// The tiny models are random: which precision is close enough to f32 is theirs to say, but what is
// chosen is, and nothing of what it was compared with is left.
TEST_F(TrialTest, AutoIsWithinItsBoundAndLeavesNothingElse) {
  for (const char* name : {"tiny-bert-qa", "tiny-roberta-cls", "tiny-bert-embed"}) {
    SCOPED_TRACE(name);
    const auto exact = load(golden_model(name), PrecisionChoice::kF32);
    const auto model = load(golden_model(name), PrecisionChoice::kAuto);
    ASSERT_TRUE(exact && model);
    ASSERT_NE(model->info.precision, Precision::kF32);  // bf16 is always close enough
    const auto error = compare(exact->segment->name(), model->segment->name());
    ASSERT_TRUE(error) << error.error().text;
    EXPECT_EQ(model->precision_error, *error);
    EXPECT_GT(*error, 0);
    EXPECT_LE(*error, limits::kAutoError);
    EXPECT_THAT(list_segments(instance_), testing::SizeIs(2));
    models_.clear();
  }
}

// Overflowing weights are as far from f32 as can be: no candidate may pass.
TEST_F(TrialTest, AutoOfWeightsThatAreNotFiniteIsF32) {
  const auto model = load_overflowing(PrecisionChoice::kAuto);
  ASSERT_TRUE(model) << model.error().text;
  EXPECT_EQ(model->info.precision, Precision::kF32);
  EXPECT_FALSE(model->precision_error);
}

}  // namespace
}  // namespace onecopy::worker
