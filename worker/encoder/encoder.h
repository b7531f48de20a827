// The encoder of BERT, RoBERTa and DistilBERT over ragged batches: no padding is ever computed. The
// way of a batch: check -> look_up_embeddings (embedding.h) -> per layer attention.h and
// feed-forward -> hidden states, from which heads.h computes what a task needs.
#pragma once

#include <cstdint>
#include <span>

#include "shared/base/status.h"
#include "worker/encoder/model.h"
#include "worker/encoder/workspace.h"

namespace onecopy::worker {

// Sequences one after the other: sequence i is tokens starts[i] .. starts[i+1] - 1. Borrows.
struct RaggedBatch {
  std::span<const std::int32_t> ids;
  std::span<const std::int32_t> type_ids;  // as many as ids, or none (all 0); ignored where the
                                           // model has no token types
  std::span<const std::uint32_t> starts;   // sequences + 1 entries, from 0 to ids.size()
  std::size_t sequences() const { return starts.size() - 1; }
};

// Which rows of the last layer are computed: all, or what a head that reads each sequence's first
// token needs. That layer then costs little more than its keys and values.
enum class OutputRows { kAll, kFirst };

// The last layer's hidden states, f32 [tokens, hidden], or [sequences, hidden] for kFirst: memory
// of the workspace, valid until its next use. A token's values do not depend on the other sequences
// of the batch, nor on the number of threads. Errors: kInvalidArgument for an id outside the
// vocabulary, a token type outside the table, an empty or too long sequence, starts that do not fit
// the ids; nothing is computed then.
Result<std::span<const float>> encode(const Model& model, const RaggedBatch& batch,
                                      Workspace& workspace, OutputRows rows = OutputRows::kAll);

}  // namespace onecopy::worker
