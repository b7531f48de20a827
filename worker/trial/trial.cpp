#include "worker/trial/trial.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "shared/base/cpu_count.h"
#include "shared/tokenizer/tokenizer.h"
#include "worker/encoder/encoder.h"
#include "worker/encoder/head_logits.h"

namespace onecopy::worker {
namespace {

struct Sample {
  const char* text;
  const char* pair;
};
constexpr std::array<Sample, 6> kSamples{{
    {"What did the English give up in 1667?",
     "In 1667 the English gave up the tiny island of Run, and in return the Dutch let them keep "
     "Manhattan."},
    {"Who repaired the engine?",
     "The ship left the harbour at dawn. Two days later its engine failed off the coast, and Maria "
     "Jensen, who had come along as a cook, repaired it with parts of a pump."},
    {"the film was far too long, but its last half hour is wonderful", nullptr},
    {"Not worth the money.", nullptr},
    {"How tall is the tower?",
     "The tower of the old church, 62 metres tall, was for three centuries the tallest building of "
     "the province; it burned down in 1833."},
    {"Interest rates rose by a quarter of a point on Thursday, less than analysts had expected.",
     nullptr},
}};

struct Batch {
  std::vector<std::int32_t> ids, type_ids;
  std::vector<std::uint32_t> starts{0};
};

Result<Batch> tokenize(const Model& model) {
  ASSIGN_OR_RETURN(const Tokenizer tokenizer,
                   Tokenizer::from_image(model.segment().tokenizer_image()));
  Batch batch;
  for (const Sample& sample : kSamples) {
    Encoding text;
    Encoding pair;
    RETURN_IF_ERROR(tokenizer.encode(sample.text, text));
    if (sample.pair != nullptr) RETURN_IF_ERROR(tokenizer.encode(sample.pair, pair));
    EncodingView first(text);
    EncodingView second(pair);
    EncodingView* const both = sample.pair != nullptr ? &second : nullptr;
    RETURN_IF_ERROR(truncate(first, both, tokenizer.special_count(both != nullptr),
                             model.info().max_tokens, Truncation::kLongestFirst));
    Tokens tokens;
    tokenizer.assemble(first, both, tokens);
    batch.ids.insert(batch.ids.end(), tokens.ids.begin(), tokens.ids.end());
    batch.type_ids.insert(batch.type_ids.end(), tokens.type_ids.begin(), tokens.type_ids.end());
    batch.starts.push_back(static_cast<std::uint32_t>(batch.ids.size()));
  }
  return batch;
}

Result<std::vector<float>> head_outputs(const Model& model, std::span<const float> hidden,
                                        const Batch& batch, OutputRows rows, Workspace& workspace) {
  switch (model.info().task) {
    case Task::kQuestionAnswering: {
      ASSIGN_OR_RETURN(QaLogits logits, qa_logits(model, hidden));
      logits.start.insert(logits.start.end(), logits.end.begin(), logits.end.end());
      return std::move(logits.start);
    }
    case Task::kSequenceClassification:
      return classification_logits(model, hidden, workspace);
    case Task::kEmbedding:
      break;
  }
  if (rows == OutputRows::kFirst) return std::vector(hidden.begin(), hidden.end());
  return pool(hidden, batch.starts, model.info().pooling, model.info().normalize);
}

Status check_finite(const Model& model, const std::vector<float>& outputs) {
  const auto wrong =
      std::ranges::find_if_not(outputs, [](float value) { return std::isfinite(value); });
  if (wrong == outputs.end()) return {};
  return fail(ErrorCode::kCorrupt, "{}: in {} an output of a sample sentence is not finite",
              model.segment().name(), to_string(model.info().precision));
}

// All numbers that the model's head makes of the samples.
Result<std::vector<float>> outputs(Segment segment) {
  ASSIGN_OR_RETURN(const auto model, Model::bind(std::move(segment)));
  ASSIGN_OR_RETURN(const Batch batch, tokenize(*model));
  Workspace workspace(usable_cores());
  const OutputRows rows = rows_read(model->info());
  ASSIGN_OR_RETURN(const auto hidden,
                   encode(*model, {batch.ids, batch.type_ids, batch.starts}, workspace, rows));
  ASSIGN_OR_RETURN(std::vector<float> numbers,
                   head_outputs(*model, hidden, batch, rows, workspace));
  RETURN_IF_ERROR(check_finite(*model, numbers));
  return numbers;
}

// The largest difference in parts of the largest exact magnitude.
Result<double> error_of(const std::vector<float>& exact, const std::vector<float>& other) {
  if (exact.size() != other.size()) {
    return fail(ErrorCode::kInvalidArgument,
                "the reference gives {} numbers for the sample sentences, the candidate {}",
                exact.size(), other.size());
  }
  double largest = 0;
  double error = 0;
  for (std::size_t i = 0; i < exact.size(); ++i) {
    largest = std::max(largest, std::abs(static_cast<double>(exact[i])));
    error = std::max(error, std::abs(static_cast<double>(exact[i]) - other[i]));
  }
  return largest > 0 ? error / largest : error;
}

}  // namespace

Result<TrialOutcome> run_trial(Segment candidate, std::optional<Segment> reference) {
  ASSIGN_OR_RETURN(const auto numbers, outputs(std::move(candidate)));
  if (!reference) return TrialOutcome{};
  ASSIGN_OR_RETURN(const auto exact, outputs(std::move(*reference)));
  ASSIGN_OR_RETURN(const double error, error_of(exact, numbers));
  return TrialOutcome{error};
}

}  // namespace onecopy::worker
