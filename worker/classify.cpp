// Sequence classification: one score for each label.
#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "worker/answer.h"
#include "worker/encoder/encoder.h"
#include "worker/encoder/heads.h"
#include "worker/model_input.h"

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

}  // namespace

Result<WorkReply> classify(const ServedModel& served, const WorkRequest& request,
                           Workspace& workspace) {
  ASSIGN_OR_RETURN(const Tokens tokens, model_input(served, request));
  const std::array<std::uint32_t, 2> starts{0, static_cast<std::uint32_t>(tokens.size())};
  ASSIGN_OR_RETURN(const auto hidden,
                   encode(*served.model, {tokens.ids, tokens.type_ids, starts}, workspace,
                          rows_read(served.info())));
  ASSIGN_OR_RETURN(auto scores, classification_logits(*served.model, hidden, workspace));
  const FunctionToApply asked = request.text_params.function;
  apply(asked == FunctionToApply::kDefault ? default_function(served.info()) : asked, scores);
  WorkReply reply;
  reply.values = std::move(scores);
  reply.tokens = starts[1];
  return reply;
}

}  // namespace onecopy::worker
