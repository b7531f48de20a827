#include "worker/encoder/encoder.h"

#include <algorithm>
#include <array>

#include "worker/encoder/attention.h"
#include "worker/encoder/embedding.h"
#include "worker/encoder/norm.h"
#include "worker/kernels/linear.h"

namespace onecopy::worker {
namespace {

using kernels::Activations;
using kernels::Linear;

Status check_shape(const ModelInfo& info, const RaggedBatch& batch) {
  if (batch.starts.size() < 2 || batch.starts.front() != 0 ||
      batch.starts.back() != batch.ids.size()) {
    return fail(ErrorCode::kInvalidArgument, "a batch of {} tokens has starts that do not fit it",
                batch.ids.size());
  }
  if (!batch.type_ids.empty() && batch.type_ids.size() != batch.ids.size()) {
    return fail(ErrorCode::kInvalidArgument, "a batch of {} tokens has {} token types",
                batch.ids.size(), batch.type_ids.size());
  }
  const std::uint32_t most = usable_positions(info);
  for (std::size_t s = 0; s < batch.sequences(); ++s) {
    const std::uint32_t first = batch.starts[s];
    const std::uint32_t last = batch.starts[s + 1];
    if (last <= first || last > batch.ids.size() || last - first > most) {
      return fail(ErrorCode::kInvalidArgument, "sequence {} has {} tokens, it must have 1 to {}", s,
                  static_cast<std::int64_t>(last) - first, most);
    }
  }
  return {};
}

Status check_range(std::span<const std::int32_t> values, std::uint32_t size,
                   std::string_view what) {
  for (std::size_t t = 0; t < values.size(); ++t) {
    if (values[t] < 0 || static_cast<std::uint32_t>(values[t]) >= size) {
      return fail(ErrorCode::kInvalidArgument, "token {} has {} {}, the model has 0 to {}", t, what,
                  values[t], size - 1);
    }
  }
  return {};
}

Status check_batch(const ModelInfo& info, const RaggedBatch& batch) {
  RETURN_IF_ERROR(check_shape(info, batch));
  RETURN_IF_ERROR(check_range(batch.ids, info.vocab_size, "id"));
  if (info.type_vocab == 0) return {};
  return check_range(batch.type_ids, info.type_vocab, "type");
}

// One forward pass: the memory of its steps and the order they come in.
class Pass {
 public:
  Pass(const Model& model, const RaggedBatch& batch, Workspace& workspace)
      : info_(model.info()),
        batch_(batch),
        workspace_(workspace),
        rows_(batch.ids.size()),
        width_(Activations::floats(rows_, info_.hidden)),
        hidden_(Activations::blocked(workspace.hidden.reserve(width_), rows_)),
        context_(Activations::blocked(workspace.attended.reserve(width_), rows_)),
        wide_(workspace.wide.reserve(
            std::max(3 * width_, Activations::floats(rows_, info_.intermediate)))) {}

  std::span<const float> run(const Model& model) {
    const kernels::ThreadPool::Pass awake(workspace_.pool());
    embed(model, batch_, hidden_, workspace_.pool());
    const std::span<const LayerWeights> layers = model.layers();
    const Activations result = Activations::row_major(context_.data, info_.hidden);
    for (std::size_t i = 0; i < layers.size(); ++i) {
      attention(layers[i]);
      feed_forward(layers[i], i + 1 < layers.size() ? hidden_ : result);
    }
    return {result.data, rows_ * info_.hidden};
  }

 private:
  // hidden = norm(hidden + out(attention(query, key, value of hidden)))
  void attention(const LayerWeights& layer) {
    const Activations query = Activations::blocked(wide_, rows_);
    const Activations key = Activations::blocked(wide_ + width_, rows_);
    const Activations value = Activations::blocked(wide_ + 2 * width_, rows_);
    const std::array<Linear, 3> projections{{{.x = hidden_, .weights = &layer.query, .y = query},
                                             {.x = hidden_, .weights = &layer.key, .y = key},
                                             {.x = hidden_, .weights = &layer.value, .y = value}}};
    kernels::linear(projections, rows_, workspace_.pool());
    attend({.heads = info_.heads,
            .head_size = info_.hidden / info_.heads,
            .query = query,
            .key = key,
            .value = value,
            .context = context_,
            .starts = batch_.starts},
           workspace_);
    add_linear(context_, layer.attention_out);
    layer_norm(info_, layer.attention_norm, hidden_, hidden_, rows_, workspace_.pool());
  }

  // out = norm(hidden + ffn_out(activation(ffn_in(hidden))))
  void feed_forward(const LayerWeights& layer, Activations out) {
    const Activations inner = Activations::blocked(wide_, rows_);
    const Linear into{.x = hidden_,
                      .weights = &layer.ffn_in,
                      .y = inner,
                      .epilogue = kernels::epilogue_of(info_.activation)};
    kernels::linear({&into, 1}, rows_, workspace_.pool());
    add_linear(inner, layer.ffn_out);
    layer_norm(info_, layer.ffn_norm, hidden_, out, rows_, workspace_.pool());
  }

  // hidden += linear(x): the residual costs nothing, it is what the product starts from.
  void add_linear(Activations x, const kernels::LinearWeights& weights) {
    const Linear call{.x = x, .weights = &weights, .y = hidden_, .add = true};
    kernels::linear({&call, 1}, rows_, workspace_.pool());
  }

  const ModelInfo& info_;
  const RaggedBatch& batch_;
  Workspace& workspace_;
  const std::size_t rows_;
  const std::size_t width_;  // floats of one blocked [rows, hidden]
  const Activations hidden_;
  const Activations context_;
  float* const wide_;
};

}  // namespace

Result<std::span<const float>> encode(const Model& model, const RaggedBatch& batch,
                                      Workspace& workspace) {
  RETURN_IF_ERROR(check_batch(model.info(), batch));
  return Pass(model, batch, workspace).run(model);
}

}  // namespace onecopy::worker
