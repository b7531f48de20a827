#include "worker/encoder/head_logits.h"

#include <algorithm>
#include <cmath>

#include "worker/kernels/row_kernels.h"

namespace onecopy::worker {
namespace {

// [sequences, hidden]: the first rows through the dense layer before the classifier.
const float* pooled_rows(const Model& model, std::span<const float> first_rows,
                         Workspace& workspace) {
  const std::size_t width = model.info().hidden;
  const std::size_t sequences = first_rows.size() / width;
  float* first = workspace.wide.reserve(2 * sequences * width);
  float* pooled = first + sequences * width;
  std::copy(first_rows.begin(), first_rows.end(), first);
  const bool relu = model.info().family == Family::kDistilBert;
  const kernels::Linear dense{
      .x = kernels::Operand::of(kernels::Activations::row_major(first, width)),
      .weights = &model.head().pooler,
      .y = kernels::Operand::of(kernels::Activations::row_major(pooled, width)),
      .epilogue = relu ? kernels::Epilogue::kRelu : kernels::Epilogue::kNone};
  kernels::linear({&dense, 1}, sequences, workspace.pool());
  if (!relu) {
    std::transform(pooled, pooled + sequences * width, pooled,
                   [](float v) { return std::tanh(v); });
  }
  return pooled;
}

void pool_one(std::span<const float> rows, std::size_t width, Pooling pooling, float* out) {
  const std::size_t count = rows.size() / width;
  std::copy_n(rows.data(), width, out);
  if (pooling == Pooling::kCls) return;
  if (pooling == Pooling::kMax) {
    for (std::size_t i = width; i < rows.size(); ++i) {
      float& largest = out[i % width];
      if (!(rows[i] <= largest)) largest = rows[i];  // a NaN stays: it is the model's error
    }
    return;
  }
  for (std::size_t column = 0; column < width; ++column) {
    double sum = 0;
    for (std::size_t row = 0; row < count; ++row) sum += rows[row * width + column];
    out[column] = static_cast<float>(sum / std::max(static_cast<double>(count), 1e-9));
  }
}

void normalize_row(float* row, std::size_t width) {
  double squares = 0;
  for (std::size_t i = 0; i < width; ++i) squares += static_cast<double>(row[i]) * row[i];
  const auto factor = static_cast<float>(1 / std::max(std::sqrt(squares), 1e-12));
  kernels::scale_rows({row, width, 1, width}, &factor);
}

}  // namespace

Result<QaLogits> qa_logits(const Model& model, std::span<const float> hidden) {
  const HeadWeights& head = model.head();
  if (head.qa_weight.empty()) {
    return fail(ErrorCode::kUnsupported, "model {} has no question-answering head",
                model.info().name);
  }
  const std::size_t width = model.info().hidden;
  const std::size_t tokens = hidden.size() / width;
  QaLogits logits{std::vector<float>(tokens), std::vector<float>(tokens)};
  for (std::size_t t = 0; t < tokens; ++t) {
    const float* row = hidden.data() + t * width;
    logits.start[t] = kernels::dot(row, head.qa_weight.data(), width) + head.qa_bias[0];
    logits.end[t] = kernels::dot(row, head.qa_weight.data() + width, width) + head.qa_bias[1];
  }
  return logits;
}

OutputRows rows_read(const ModelInfo& info) {
  const bool first = info.task == Task::kSequenceClassification ||
                     (info.task == Task::kEmbedding && info.pooling == Pooling::kCls);
  return first ? OutputRows::kFirst : OutputRows::kAll;
}

Result<std::vector<float>> classification_logits(const Model& model,
                                                 std::span<const float> first_rows,
                                                 Workspace& workspace) {
  const HeadWeights& head = model.head();
  if (head.classifier_weight.empty()) {
    return fail(ErrorCode::kUnsupported, "model {} has no classification head", model.info().name);
  }
  const std::size_t width = model.info().hidden;
  const std::size_t labels = head.classifier_bias.size();
  const float* pooled = pooled_rows(model, first_rows, workspace);
  std::vector<float> logits(first_rows.size() / width * labels);
  for (std::size_t i = 0; i < logits.size(); ++i) {
    const std::size_t label = i % labels;
    logits[i] = kernels::dot(pooled + i / labels * width,
                             head.classifier_weight.data() + label * width, width) +
                head.classifier_bias[label];
  }
  return logits;
}

std::vector<float> pool(std::span<const float> hidden, std::span<const std::uint32_t> starts,
                        Pooling pooling, bool normalize) {
  const std::size_t width = hidden.size() / starts.back();
  std::vector<float> vectors((starts.size() - 1) * width);
  for (std::size_t s = 0; s + 1 < starts.size(); ++s) {
    float* out = vectors.data() + s * width;
    pool_one(hidden.subspan(starts[s] * width, (starts[s + 1] - starts[s]) * width), width, pooling,
             out);
    if (normalize) normalize_row(out, width);
  }
  return vectors;
}

}  // namespace onecopy::worker
