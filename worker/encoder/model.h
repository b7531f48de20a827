// A segment's tensors bound to the layers of an encoder and its head.
#pragma once

#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "shared/base/status.h"
#include "shared/segment/segment_reader.h"
#include "worker/kernels/linear.h"

namespace onecopy::worker {

struct NormWeights {
  std::span<const float> weight;  // [hidden]
  std::span<const float> bias;    // [hidden]
};

struct EmbeddingWeights {
  TensorView word;                  // [vocab_size, hidden], f32 or bf16
  std::span<const float> position;  // [positions, hidden]
  std::span<const float> type;      // [type_vocab, hidden]; empty where the family has none
  NormWeights norm;
};

struct LayerWeights {
  kernels::LinearWeights query, key, value, attention_out;
  NormWeights attention_norm;
  kernels::LinearWeights ffn_in, ffn_out;
  NormWeights ffn_norm;
};

// Only the members of the model's task are bound.
struct HeadWeights {
  std::span<const float> qa_weight;          // [2, hidden]: row 0 start, row 1 end
  std::span<const float> qa_bias;            // [2]
  kernels::LinearWeights pooler;             // hidden -> hidden, before the classifier
  std::span<const float> classifier_weight;  // [labels, hidden]
  std::span<const float> classifier_bias;    // [labels]
};

// Class Model: owns the segment's mapping; all weights are views into it, none is copied. Immutable
// after bind, so any number of threads may encode with it, each with its own Workspace.
class Model {
 public:
  // A mapping and some pointers: microseconds. Errors: kCorrupt when the segment lacks a tensor
  // that the model's sizes and task ask for, or has it in another shape or layout.
  static Result<std::unique_ptr<Model>> bind(Segment segment);

  const ModelInfo& info() const { return segment_.info(); }
  const Segment& segment() const { return segment_; }  // its tokenizer image, name, size

  const EmbeddingWeights& embeddings() const { return embeddings_; }
  std::span<const LayerWeights> layers() const { return layers_; }
  const HeadWeights& head() const { return head_; }

 private:
  explicit Model(Segment segment) : segment_(std::move(segment)) {}

  Segment segment_;
  EmbeddingWeights embeddings_;
  std::vector<LayerWeights> layers_;
  HeadWeights head_;
};

}  // namespace onecopy::worker
