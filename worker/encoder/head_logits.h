// From hidden states to what a task asks for. `hidden` is encode's result, `starts` the batch's.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "shared/base/status.h"
#include "worker/encoder/encoder.h"
#include "worker/encoder/model.h"
#include "worker/encoder/workspace.h"

namespace onecopy::worker {

struct QaLogits {
  std::vector<float> start;  // one per token
  std::vector<float> end;
};

// Error: kUnsupported when the model has no question-answering head.
Result<QaLogits> qa_logits(const Model& model, std::span<const float> hidden);

// The rows that the head of this model's task reads.
OutputRows rows_read(const ModelInfo& info);

// [sequences, labels], before sigmoid or softmax. `first_rows` [sequences, hidden]: each sequence's
// first row. Error: kUnsupported when the model has no classification head.
Result<std::vector<float>> classification_logits(const Model& model,
                                                 std::span<const float> first_rows,
                                                 Workspace& workspace);

// [sequences, hidden]: mean, first row or maximum over a sequence's tokens, divided by the length
// where asked, as sentence-transformers does (count clamped at 1e-9, length at 1e-12).
std::vector<float> pool(std::span<const float> hidden, std::span<const std::uint32_t> starts,
                        Pooling pooling, bool normalize);

}  // namespace onecopy::worker
