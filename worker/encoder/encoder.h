// The encoder of BERT, RoBERTa and DistilBERT over ragged batches: no padding is ever computed.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "shared/segment_reader.h"
#include "shared/status.h"

namespace onecopy::worker {

// Sequences one after the other: sequence i is tokens starts[i] .. starts[i+1] - 1. Borrows.
struct RaggedBatch {
  std::span<const std::int32_t> ids;
  std::span<const std::int32_t> type_ids;    // as many as ids; ignored where the model has no token types
  std::span<const std::uint32_t> starts;     // sequences + 1 entries, from 0 to ids.size()
  std::size_t sequences() const { return starts.size() - 1; }
};

// Class Model: a segment's tensors bound to the encoder and its head. Owns the segment's mapping; the
// weights are borrowed from it and never copied. Const methods may be called from one thread at a time per
// Workspace.
class Model;

// Scratch memory and threads of one worker, shared by all its models; grows to the largest batch seen.
class Workspace;

}  // namespace onecopy::worker
