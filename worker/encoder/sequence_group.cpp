#include "worker/encoder/sequence_group.h"

#include <algorithm>
#include <cstring>

#include "shared/tensor_names.h"
#include "worker/encoder/attention.h"
#include "worker/encoder/embedding.h"
#include "worker/encoder/norm.h"

namespace onecopy::worker {
namespace {

using kernels::Activations;
using kernels::Linear;
using kernels::Operand;
using kernels::OperandType;

// Panels of 64 activations that share a scale. With one the products that read them are 8 to 12 %
// slower; with four there are too few pieces of work for many threads (4 % slower with two).
constexpr std::size_t kInnerTogether = 8;
constexpr std::size_t kContextTogether = 8;
// Places of [rows, hidden] in the wide buffer: query, key, value and context.
constexpr std::size_t kWide = 4;

// Moves each sequence's first row of `from` to the sequence's row of `to`, which begins at the same
// place. In this order no row is overwritten before it has moved: blocks and rows only come closer.
void move_first_rows(const Operand& from, const Operand& to, std::span<const std::uint32_t> starts,
                     std::size_t columns) {
  const auto move = [&](std::size_t block, std::size_t half, std::size_t bytes) {
    for (std::size_t s = 0; s + 1 < starts.size(); ++s) {
      std::memmove(to.at(s, block) + half * to.half_stride,
                   from.at(starts[s], block) + half * from.half_stride, bytes);
    }
  };
  const std::size_t blocks = Operand::blocks(columns);
  for (std::size_t block = 0; block < blocks; ++block) {
    if (from.type == OperandType::kBf16) {
      for (std::size_t half = 0; half < 2; ++half) move(block, half, from.row_stride);
    } else {
      move(block, 0, kernels::kBlockColumns * element_bytes(from.type));
    }
  }
  if (from.scales == nullptr) return;
  // Behind each other at first, so the lows go last.
  for (std::size_t s = 0; s + 1 < starts.size(); ++s) to.scale(s, 0) = from.scale(starts[s], 0);
  for (std::size_t s = 0; s + 1 < starts.size(); ++s) to.lows[s] = from.lows[starts[s]];
}

}  // namespace

void SequenceGroup::reserve(const ModelInfo& info, std::size_t tokens, std::size_t most_rows,
                            Workspace& workspace) {
  const OperandType type = kernels::operand_type(tensor_names::layer_dtype(info.precision));
  constexpr std::size_t kSlack = Operand::kSlackFloats;
  const std::size_t width = Activations::floats(tokens, info.hidden);
  const std::size_t inner = Activations::floats(most_rows, info.intermediate);
  workspace.hidden.reserve(width);
  workspace.result.reserve(tokens * info.hidden);
  workspace.wide.reserve(std::max(kWide * Activations::floats(most_rows, info.hidden),
                                  type == OperandType::kF32 ? inner : inner / 2) +
                         kSlack);
  if (type == OperandType::kF32) return;
  workspace.input.reserve(width / 2 + kSlack);
  workspace.row_scales.reserve(2 * tokens);
  workspace.scales.reserve(std::max(Operand::u8_scales(most_rows, info.hidden, 1),
                                    Operand::u8_scales(most_rows, info.intermediate, 1)));
}

SequenceGroup::SequenceGroup(const Model& model, const RaggedBatch& batch, std::size_t first,
                             std::size_t last, Workspace& workspace, OutputRows output)
    : model_(model),
      info_(model.info()),
      workspace_(workspace),
      output_(output),
      type_(kernels::operand_type(tensor_names::layer_dtype(info_.precision))),
      first_token_(batch.starts[first]),
      rows_(batch.starts[last] - first_token_),
      width_(Activations::floats(rows_, info_.hidden)),
      ids_(batch.ids.subspan(first_token_, rows_)) {
  if (!batch.type_ids.empty()) type_ids_ = batch.type_ids.subspan(first_token_, rows_);
  for (std::size_t s = first; s <= last; ++s) {
    starts_.push_back(batch.starts[s] - batch.starts[first]);
  }
  query_starts_ = starts_;
  const std::size_t row = output == OutputRows::kFirst ? first : first_token_;
  result_ = Activations::row_major(workspace.result.data() + row * info_.hidden, info_.hidden);
  lay_out();
}

void SequenceGroup::lay_out() {
  const std::size_t before = Activations::floats(first_token_, info_.hidden);
  hidden_ = Activations::blocked(workspace_.hidden.data() + before, rows_);
  if (type_ == OperandType::kF32) {
    input_ = Operand::of(hidden_);
  } else {
    float* const input = workspace_.input.data() + before / 2;
    float* const scales = workspace_.row_scales.data() + 2 * first_token_;
    input_ = operand(input, Operand::u8_rows(input, scales, rows_));
  }
  float* const context = workspace_.wide.data() + (kWide - 1) * width_;
  context_ = operand(
      context, Operand::u8_signed(context, workspace_.scales.data(), rows_, kContextTogether));
}

// In the form that the products read; `u8`: that of the same memory for int8.
Operand SequenceGroup::operand(float* data, const Operand& u8) const {
  switch (type_) {
    case OperandType::kF32:
      return Operand::of(Activations::blocked(data, rows_));
    case OperandType::kBf16:
      return Operand::bf16_tiles(data, rows_);
    case OperandType::kU8:
      break;
  }
  return u8;
}

// Place `index` of the query, key and value.
Operand SequenceGroup::projected(std::size_t index) const {
  float* const data = workspace_.wide.data() + index * width_;
  if (attention_product() != nullptr) return Operand::bf16_rows(data, rows_);
  return Operand::of(Activations::blocked(data, rows_));
}

// Null: attention's queries, keys and values are f32.
const kernels::Bf16Product* SequenceGroup::attention_product() const {
  return info_.precision == Precision::kF32 ? nullptr : kernels::default_back_ends().attention;
}

void SequenceGroup::embed() { worker::embed(model_, batch(), hidden_, input_, workspace_.pool()); }

void SequenceGroup::run(std::size_t layer) {
  const LayerWeights& weights = model_.layers()[layer];
  const bool last = layer + 1 == model_.layers().size();
  attention(weights, last && output_ == OutputRows::kFirst);
  feed_forward(weights, last ? result_ : hidden_);
}

void SequenceGroup::keep_first_rows() {
  const Activations hidden = hidden_;
  const Operand input = input_;
  rows_ = batch().sequences();
  for (std::size_t s = 0; s <= rows_; ++s) query_starts_[s] = static_cast<std::uint32_t>(s);
  lay_out();
  move_first_rows(Operand::of(hidden), Operand::of(hidden_), starts_, info_.hidden);
  if (type_ != OperandType::kF32) move_first_rows(input, input_, starts_, info_.hidden);
}

// hidden = norm(hidden + out(attention(query, key, value of hidden)))
void SequenceGroup::attention(const LayerWeights& layer, bool first_rows_only) {
  const Linear key{.x = input_, .weights = &layer.key, .y = projected(1)};
  const Linear value{.x = input_, .weights = &layer.value, .y = projected(2)};
  if (first_rows_only) {
    project({key, value});
    keep_first_rows();
  }
  const Linear query{.x = input_, .weights = &layer.query, .y = projected(0)};
  if (first_rows_only) {
    project({query});
  } else {
    project({query, key, value});
  }
  attend({.heads = info_.heads,
          .head_size = info_.hidden / info_.heads,
          .query = query.y,
          .key = key.y,
          .value = value.y,
          .context = context_,
          .starts = starts_,
          .query_starts = query_starts_,
          .exact = info_.precision == Precision::kF32,
          .product = attention_product()},
         workspace_);
  add_linear(context_, layer.attention_out);
  normalize(layer.attention_norm, hidden_);
}

// out = norm(hidden + ffn_out(activation(ffn_in(hidden))))
void SequenceGroup::feed_forward(const LayerWeights& layer, Activations out) {
  const float offset = info_.activation == Activation::kRelu ? 0 : kernels::kGeluOffset;
  float* const wide = workspace_.wide.data();
  const Operand inner = operand(
      wide, Operand::u8_shifted(wide, workspace_.scales.data(), rows_, kInnerTogether, offset));
  project({{.x = input_,
            .weights = &layer.ffn_in,
            .y = inner,
            .epilogue = kernels::epilogue_of(info_.activation)}});
  add_linear(inner, layer.ffn_out);
  normalize(layer.ffn_norm, out);
}

void SequenceGroup::project(std::initializer_list<Linear> products) {
  kernels::linear({products.begin(), products.size()}, rows_, workspace_.pool());
}

// hidden += linear(x): the residual costs nothing, it is what the product starts from.
void SequenceGroup::add_linear(const Operand& x, const kernels::LinearWeights& weights) {
  project({{.x = x, .weights = &weights, .y = Operand::of(hidden_), .add = true}});
}

void SequenceGroup::normalize(const NormWeights& norm, Activations out) {
  for_row_groups(rows_, info_.hidden, workspace_.pool(), [&](std::size_t first, std::size_t last) {
    norm_rows(info_, norm, hidden_, out, out.data == hidden_.data ? &input_ : nullptr, first, last);
  });
}

}  // namespace onecopy::worker
