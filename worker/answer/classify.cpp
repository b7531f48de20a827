// Sequence classification: one score for each label.
#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

#include "worker/answer/model_input.h"
#include "worker/answer/text_run.h"
#include "worker/encoder/head_logits.h"

namespace onecopy::worker {
namespace {

// What the text-classification pipeline applies unless it is told.
FunctionToApply default_function(const ModelInfo& info) {
  if (info.problem == ProblemType::kRegression) return FunctionToApply::kNone;
  const bool independent = info.problem == ProblemType::kMultiLabel || info.labels.size() == 1;
  return independent ? FunctionToApply::kSigmoid : FunctionToApply::kSoftmax;
}

void softmax(std::vector<float>& scores) {
  const float largest = *std::max_element(scores.begin(), scores.end());
  double sum = 0;
  for (float& score : scores) sum += static_cast<double>(score = std::exp(score - largest));
  for (float& score : scores) score /= static_cast<float>(sum);
}

void apply(FunctionToApply function, std::vector<float>& scores) {
  if (function == FunctionToApply::kSoftmax) softmax(scores);
  if (function == FunctionToApply::kSigmoid) {
    for (float& score : scores) score = 1.0F / (1.0F + std::exp(-score));
  }
}

class ClassifyRun final : public TextRun {
 public:
  ClassifyRun(const ServedModel& served, const WorkRequest& request, Tokens tokens)
      : TextRun(served, std::move(tokens)), asked_(request.text_params.function) {}

 private:
  Result<std::vector<float>> values_of(std::span<const float> hidden,
                                       std::span<const std::uint32_t> /*starts*/,
                                       Workspace& workspace) override {
    ASSIGN_OR_RETURN(auto scores, classification_logits(*served().model, hidden, workspace));
    apply(asked_ == FunctionToApply::kDefault ? default_function(served().info()) : asked_, scores);
    return scores;
  }

  FunctionToApply asked_;
};

}  // namespace

PreparedRun classify(const ServedModel& served, const WorkRequest& request) {
  ASSIGN_OR_RETURN(Tokens tokens, model_input(served, request));
  return std::make_unique<ClassifyRun>(served, request, std::move(tokens));
}

}  // namespace onecopy::worker
