// One forward pass of the encoder: the memory of its steps and the order they come in.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "worker/encoder/encoder.h"
#include "worker/kernels/linear.h"

namespace onecopy::worker {

// Class ForwardPass: borrows everything, for one run. Precondition: encode has checked the batch.
//
// What goes from layer to layer is f32. Where the layers' weights are of a lower precision, each
// norm also leaves its result in the form that their products read (`input_`), attention and the
// inner activation leave theirs in that form only.
class ForwardPass {
 public:
  ForwardPass(const Model& model, const RaggedBatch& batch, Workspace& workspace);
  std::span<const float> run(OutputRows rows);

 private:
  void attention(const LayerWeights& layer, bool first_rows_only);
  void feed_forward(const LayerWeights& layer, kernels::Activations out);
  void project(std::initializer_list<kernels::Linear> products);
  void add_linear(const kernels::Operand& x, const kernels::LinearWeights& weights);
  void normalize(const NormWeights& norm, kernels::Activations out);
  // From here on only each sequence's first row is computed.
  void keep_first_rows();

  kernels::Operand operand(kernels::AlignedBuffer& data, const kernels::Operand& u8) const;
  kernels::Operand projected(std::size_t index) const;
  const kernels::Bf16Product* attention_product() const;
  void lay_out();  // hidden_, input_ and context_ of rows_ rows

  const Model& model_;
  const ModelInfo& info_;
  const RaggedBatch& batch_;
  Workspace& workspace_;
  const kernels::OperandType type_;  // of what the layers' products read
  std::size_t rows_;
  std::vector<std::uint32_t> query_starts_;
  const std::size_t width_;  // floats of one blocked [tokens, hidden]
  kernels::Activations hidden_;
  kernels::Operand input_;    // hidden_, to be multiplied
  kernels::Operand context_;  // attention's result
};

}  // namespace onecopy::worker
