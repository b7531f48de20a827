#include "host/publish/precision_check.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <vector>

#include "shared/base/cpu_count.h"
#include "shared/tokenizer/tokenizer.h"
#include "worker/encoder/encoder.h"
#include "worker/encoder/head_logits.h"

namespace onecopy::host {
namespace {

using worker::Model;

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

// All numbers that the model's head makes of the samples.
Result<std::vector<float>> outputs(const std::string& name) {
  ASSIGN_OR_RETURN(Segment segment, Segment::open(name, Segment::Check::kStructure));
  ASSIGN_OR_RETURN(const auto model, Model::bind(std::move(segment)));
  ASSIGN_OR_RETURN(const Batch batch, tokenize(*model));
  worker::Workspace workspace(usable_cores());
  const worker::OutputRows rows = worker::rows_read(model->info());
  ASSIGN_OR_RETURN(
      const auto hidden,
      worker::encode(*model, {batch.ids, batch.type_ids, batch.starts}, workspace, rows));
  switch (model->info().task) {
    case Task::kQuestionAnswering: {
      ASSIGN_OR_RETURN(worker::QaLogits logits, worker::qa_logits(*model, hidden));
      logits.start.insert(logits.start.end(), logits.end.begin(), logits.end.end());
      return std::move(logits.start);
    }
    case Task::kSequenceClassification:
      return worker::classification_logits(*model, hidden, workspace);
    case Task::kEmbedding:
      break;
  }
  if (rows == worker::OutputRows::kFirst) return std::vector(hidden.begin(), hidden.end());
  return worker::pool(hidden, batch.starts, model->info().pooling, model->info().normalize);
}

}  // namespace

Result<double> precision_error(const std::string& f32_segment, const std::string& segment) {
  ASSIGN_OR_RETURN(const auto exact, outputs(f32_segment));
  ASSIGN_OR_RETURN(const auto other, outputs(segment));
  double largest = 0;
  double error = 0;
  for (std::size_t i = 0; i < exact.size(); ++i) {
    largest = std::max(largest, std::abs(static_cast<double>(exact[i])));
    const double difference = std::abs(static_cast<double>(exact[i]) - other[i]);
    if (!(difference <= error)) error = difference;  // also takes a NaN
  }
  return largest > 0 ? error / largest : error;
}

}  // namespace onecopy::host
