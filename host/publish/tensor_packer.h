// Source tensor to the bytes that lie in a segment, a block at a time: read, widen to f32, add an
// adapter's update, convert, transpose into panels.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "host/publish/weight_plan.h"
#include "shared/base/status.h"

namespace onecopy::host {

// A block is one panel, or about 256 KB (as f32) of rows of a row-major tensor: small enough to
// stay in a core's cache from one step to the next. A tensor's blocks lie one after the other.
struct BlockGrid {
  std::size_t rows_per_block = 0;
  std::size_t blocks = 0;
};
BlockGrid block_grid(const TensorPlan& plan);

// Bytes of the packed tensor before block i; i may be the number of blocks.
std::size_t block_offset(const TensorPlan& plan, std::size_t i);

// Class TensorPacker: owns the scratch memory of one thread, a few blocks large.
class TensorPacker {
 public:
  // Writes all of `out`, which has block i's size, block_offset(i + 1) - block_offset(i), and the
  // alignment of its elements. Errors are the file's; kCorrupt: a weight that is not finite for s8.
  Status pack(const PlannedTensor& tensor, std::size_t i, std::span<std::byte> out);

 private:
  Status read(const TensorRef& ref, std::size_t first, std::span<float> out);
  Status add_update(const PlannedTensor& tensor, std::size_t first_row, std::span<float> rows);

  std::vector<std::byte> raw_;          // as in the file
  std::vector<float> rows_;             // [rows of a block, cols]
  std::vector<float> a_;                // lora_A
  std::vector<float> b_;                // the block's rows of lora_B
  std::vector<float> delta_;            // one row
  const SourceTensor* a_of_ = nullptr;  // whose lora_A is in a_
};

}  // namespace onecopy::host
