// Neighbouring sequences of a batch that go through a layer together: the steps of a layer and the
// memory they work in.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "worker/encoder/encoder.h"
#include "worker/kernels/linear.h"

namespace onecopy::worker {

// Class SequenceGroup: borrows everything, for one forward pass. What goes from layer to layer lies
// in the group's part of the workspace's memory; what the steps of a layer leave for each other,
// where all groups do. One group at a time.
//
// What goes from layer to layer is f32. Where the layers' weights are of a lower precision, each
// norm also leaves its result in the form that their products read (`input_`), attention and the
// inner activation leave theirs in that form only.
class SequenceGroup {
 public:
  // Memory for a batch of `tokens` and groups of at most `most_rows` of them; before they are made.
  static void reserve(const ModelInfo& info, std::size_t tokens, std::size_t most_rows,
                      Workspace& workspace);

  // Sequences [first, last) of the batch. Precondition: encode has checked it.
  SequenceGroup(const Model& model, const RaggedBatch& batch, std::size_t first, std::size_t last,
                Workspace& workspace, OutputRows output);

  void embed();
  // The last one leaves its rows, or each sequence's first row, in the workspace's result.
  void run(std::size_t layer);

 private:
  void attention(const LayerWeights& layer, bool first_rows_only);
  void feed_forward(const LayerWeights& layer, kernels::Activations out);
  void project(std::initializer_list<kernels::Linear> products);
  void add_linear(const kernels::Operand& x, const kernels::LinearWeights& weights);
  void normalize(const NormWeights& norm, kernels::Activations out);
  // From here on only each sequence's first row is computed.
  void keep_first_rows();

  RaggedBatch batch() const { return {ids_, type_ids_, starts_}; }
  kernels::Operand operand(float* data, const kernels::Operand& u8) const;
  kernels::Operand projected(std::size_t index) const;
  const kernels::Bf16Product* attention_product() const;
  void lay_out();  // hidden_, input_ and context_ of rows_ rows

  const Model& model_;
  const ModelInfo& info_;
  Workspace& workspace_;
  const OutputRows output_;
  const kernels::OperandType type_;  // of what the layers' products read
  const std::size_t first_token_;    // of the batch's
  std::size_t rows_;
  const std::size_t width_;  // floats of one blocked [rows, hidden]
  std::span<const std::int32_t> ids_, type_ids_;
  std::vector<std::uint32_t> starts_, query_starts_;  // from 0 on
  kernels::Activations hidden_;
  kernels::Operand input_;    // hidden_, to be multiplied
  kernels::Operand context_;  // attention's result
  kernels::Activations result_;
};

}  // namespace onecopy::worker
