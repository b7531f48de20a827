// A weight in panels as the host packs them, with the numbers that the panels hold: what a product
// with it must be.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "worker/kernels/linear.h"

namespace onecopy::worker {

// Class PackedWeights: owns the panels, aligned as in a segment, and a bias.
class PackedWeights {
 public:
  // From `outputs` rows of `inputs` floats.
  PackedWeights(DType dtype, std::size_t outputs, std::size_t inputs,
                const std::vector<float>& source);

  const kernels::LinearWeights& weights() const { return weights_; }
  const std::vector<float>& bias() const { return bias_; }
  std::vector<float>& bias() { return bias_; }

 private:
  struct Free {
    void operator()(std::byte* pointer) const;
  };
  std::unique_ptr<std::byte[], Free> panels_;
  std::vector<float> bias_;
  kernels::LinearWeights weights_;
};

// Packs `outputs` rows of `inputs` floats into all of a tensor's panels.
void pack_panels(DType dtype, std::size_t outputs, std::size_t inputs, const float* source,
                 std::byte* panels);

// Element [n][k] of a weight in panels, of any type.
float weight_at(const TensorView& weight, std::size_t n, std::size_t k);

}  // namespace onecopy::worker
