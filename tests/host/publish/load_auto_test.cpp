// precision=auto: what is tried, in which order, and what is kept. The comparisons are made up.
#include "host/publish/load_auto.h"

#include <gmock/gmock.h>

#include <map>

#include "shared/base/limits.h"
#include "tests/host/publish/loaded_model.h"

namespace onecopy::host {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr double kClose = limits::kAutoError;
constexpr double kFar = limits::kAutoError * 1.01;

class LoadAutoTest : public LoaderTest {
 protected:
  LoadAutoTest() {
    context_.arithmetic = {
        .bf16_speedup = 2, .int8_speedup = 4, .bf16_lacks = {}, .int8_lacks = {}};
    context_.compare = [this](const PublishedSegment& f32, const PublishedSegment& candidate) {
      EXPECT_EQ(precision_of(f32), Precision::kF32);
      const Precision precision = precision_of(candidate);
      tried_.push_back(precision);
      return errors_.at(precision);
    };
  }
  static Precision precision_of(const PublishedSegment& segment) {
    const auto opened = Segment::open(segment.name(), Segment::Check::kContents);
    EXPECT_TRUE(opened) << opened.error().text;
    return opened->info().precision;
  }
  Result<LoadedModel> load_auto() {
    return load(golden_model("tiny-bert-qa"), PrecisionChoice::kAuto);
  }
  void expect_chosen(Precision precision, std::optional<double> error) {
    const auto model = load_auto();
    ASSERT_TRUE(model) << model.error().text;
    EXPECT_EQ(model->info.precision, precision);
    EXPECT_EQ(model->precision_error, error);
    EXPECT_THAT(list_segments(instance_), ElementsAre(model->segment->name()));
  }

  std::map<Precision, Result<double>> errors_{{Precision::kBf16, kClose},
                                              {Precision::kInt8, kClose}};
  std::vector<Precision> tried_;
};

TEST_F(LoadAutoTest, TheFastestThatIsCloseEnough) {
  expect_chosen(Precision::kInt8, kClose);
  EXPECT_THAT(tried_, ElementsAre(Precision::kInt8));
}

TEST_F(LoadAutoTest, TheNextWhereTheFastestIsTooFar) {
  errors_.at(Precision::kInt8) = kFar;
  expect_chosen(Precision::kBf16, kClose);
  EXPECT_THAT(tried_, ElementsAre(Precision::kInt8, Precision::kBf16));
}

TEST_F(LoadAutoTest, F32WhereAllAreTooFar) {
  errors_.at(Precision::kInt8) = errors_.at(Precision::kBf16) = kFar;
  expect_chosen(Precision::kF32, std::nullopt);
  EXPECT_THAT(tried_, SizeIs(2));
}

TEST_F(LoadAutoTest, Bf16FirstWhereInt8IsNoFaster) {
  context_.arithmetic.int8_speedup = 2;
  errors_.at(Precision::kBf16) = kFar;
  expect_chosen(Precision::kInt8, kClose);
  EXPECT_THAT(tried_, ElementsAre(Precision::kBf16, Precision::kInt8));
}

TEST_F(LoadAutoTest, NoInt8WhereItIsHardlyFasterThanF32) {
  context_.arithmetic.bf16_speedup = 1;
  context_.arithmetic.int8_speedup = limits::kAutoSpeedup;
  errors_.at(Precision::kBf16) = kFar;
  expect_chosen(Precision::kF32, std::nullopt);
  EXPECT_THAT(tried_, ElementsAre(Precision::kBf16));
}

TEST_F(LoadAutoTest, NothingThatTheMachineLacks) {
  context_.arithmetic.bf16_lacks = context_.arithmetic.int8_lacks = "AVX2";
  expect_chosen(Precision::kF32, std::nullopt);
  EXPECT_THAT(tried_, IsEmpty());
}

TEST_F(LoadAutoTest, AnswersThatAreNotFiniteAreTooFar) {
  errors_.at(Precision::kInt8) = fail(ErrorCode::kCorrupt, "not finite");
  expect_chosen(Precision::kBf16, kClose);
}

TEST_F(LoadAutoTest, ATrialThatFailsIsTheModelsError) {
  errors_.at(Precision::kInt8) = fail(ErrorCode::kUnsupported, "killed by signal 11");
  const auto model = load_auto();
  ASSERT_FALSE(model);
  EXPECT_EQ(model.error().code, ErrorCode::kUnsupported);
  EXPECT_EQ(model.error().text, "model m: killed by signal 11");
  EXPECT_THAT(list_segments(instance_), IsEmpty());
}

TEST_F(LoadAutoTest, NeedsSomethingThatCompares) {
  context_.compare = {};
  const auto model = load_auto();
  ASSERT_FALSE(model);
  EXPECT_EQ(model.error().code, ErrorCode::kUnsupported);
  EXPECT_THAT(model.error().text, HasSubstr("precision=auto"));
}

}  // namespace
}  // namespace onecopy::host
