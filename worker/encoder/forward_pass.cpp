#include "worker/encoder/forward_pass.h"

#include <algorithm>
#include <cstring>

#include "shared/segment/tensor_names.h"
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

kernels::Epilogue epilogue_of(Activation activation) {
  switch (activation) {
    case Activation::kGelu:
      return kernels::Epilogue::kGelu;
    case Activation::kGeluTanh:
      return kernels::Epilogue::kGeluTanh;
    case Activation::kRelu:
      return kernels::Epilogue::kRelu;
  }
  return kernels::Epilogue::kNone;
}

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

ForwardPass::ForwardPass(const Model& model, const RaggedBatch& batch, Workspace& workspace)
    : model_(model),
      info_(model.info()),
      batch_(batch),
      workspace_(workspace),
      type_(kernels::operand_type(tensor_names::layer_dtype(info_.precision))),
      rows_(batch.ids.size()),
      query_starts_(batch.starts.begin(), batch.starts.end()),
      width_(Activations::floats(rows_, info_.hidden)) {
  const std::size_t inner = Activations::floats(rows_, info_.intermediate);
  workspace_.hidden.reserve(width_);
  constexpr std::size_t kSlack = Operand::kSlackFloats;
  workspace_.attended.reserve(width_ + kSlack);
  workspace_.wide.reserve(std::max(3 * width_, type_ == OperandType::kF32 ? inner : inner / 2) +
                          kSlack);
  if (type_ != OperandType::kF32) {
    workspace_.input.reserve(width_ / 2 + kSlack);
    workspace_.scales.reserve(std::max(Operand::u8_scales(rows_, info_.hidden, 1),
                                       Operand::u8_scales(rows_, info_.intermediate, 1)));
    workspace_.row_scales.reserve(2 * rows_);
  }
  lay_out();
}

void ForwardPass::lay_out() {
  hidden_ = Activations::blocked(workspace_.hidden.data(), rows_);
  input_ = type_ == OperandType::kF32
               ? Operand::of(hidden_)
               : operand(workspace_.input, Operand::u8_rows(workspace_.input.data(),
                                                            workspace_.row_scales.data(), rows_));
  context_ = operand(workspace_.attended,
                     Operand::u8_signed(workspace_.attended.data(), workspace_.scales.data(), rows_,
                                        kContextTogether));
}

// In the form that the products read; `u8`: that of the same memory for int8.
Operand ForwardPass::operand(kernels::AlignedBuffer& data, const Operand& u8) const {
  switch (type_) {
    case OperandType::kF32:
      return Operand::of(Activations::blocked(data.data(), rows_));
    case OperandType::kBf16:
      return Operand::bf16_tiles(data.data(), rows_);
    case OperandType::kU8:
      break;
  }
  return u8;
}

// Place `index` of the query, key and value.
Operand ForwardPass::projected(std::size_t index) const {
  float* const data = workspace_.wide.data() + index * width_;
  if (attention_product() != nullptr) return Operand::bf16_rows(data, rows_);
  return Operand::of(Activations::blocked(data, rows_));
}

// Null: attention's queries, keys and values are f32.
const kernels::Bf16Product* ForwardPass::attention_product() const {
  return info_.precision == Precision::kF32 ? nullptr : kernels::default_back_ends().attention;
}

std::span<const float> ForwardPass::run(OutputRows rows) {
  const kernels::ThreadPool::Pass awake(workspace_.pool());
  look_up_embeddings(model_, batch_, hidden_, input_, workspace_.pool());
  const std::span<const LayerWeights> layers = model_.layers();
  const Activations result = Activations::row_major(workspace_.attended.data(), info_.hidden);
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const bool last = i + 1 == layers.size();
    attention(layers[i], last && rows == OutputRows::kFirst);
    feed_forward(layers[i], last ? result : hidden_);
  }
  return {result.data, rows_ * info_.hidden};
}

void ForwardPass::keep_first_rows() {
  const Activations hidden = hidden_;
  const Operand input = input_;
  rows_ = batch_.sequences();
  for (std::size_t s = 0; s <= rows_; ++s) query_starts_[s] = static_cast<std::uint32_t>(s);
  lay_out();
  move_first_rows(Operand::of(hidden), Operand::of(hidden_), batch_.starts, info_.hidden);
  if (type_ != OperandType::kF32) move_first_rows(input, input_, batch_.starts, info_.hidden);
}

// hidden = norm(hidden + out(attention(query, key, value of hidden)))
void ForwardPass::attention(const LayerWeights& layer, bool first_rows_only) {
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
          .starts = batch_.starts,
          .query_starts = query_starts_,
          .exact = info_.precision == Precision::kF32,
          .product = attention_product()},
         workspace_);
  add_linear(context_, layer.attention_out);
  normalize(layer.attention_norm, hidden_);
}

// out = norm(hidden + ffn_out(activation(ffn_in(hidden))))
void ForwardPass::feed_forward(const LayerWeights& layer, Activations out) {
  const float offset = info_.activation == Activation::kRelu ? 0 : kernels::kGeluOffset;
  const Operand inner =
      operand(workspace_.wide, Operand::u8_shifted(workspace_.wide.data(), workspace_.scales.data(),
                                                   rows_, kInnerTogether, offset));
  project({{.x = input_,
            .weights = &layer.ffn_in,
            .y = inner,
            .epilogue = epilogue_of(info_.activation)}});
  add_linear(inner, layer.ffn_out);
  normalize(layer.ffn_norm, out);
}

void ForwardPass::project(std::initializer_list<Linear> products) {
  kernels::linear({products.begin(), products.size()}, rows_, workspace_.pool());
}

// hidden += linear(x): the residual costs nothing, it is what the product starts from.
void ForwardPass::add_linear(const Operand& x, const kernels::LinearWeights& weights) {
  project({{.x = x, .weights = &weights, .y = Operand::of(hidden_), .add = true}});
}

void ForwardPass::normalize(const NormWeights& norm, Activations out) {
  for_row_groups(rows_, info_.hidden, workspace_.pool(), [&](std::size_t first, std::size_t last) {
    norm_rows(info_, norm, hidden_, out, out.data == hidden_.data ? &input_ : nullptr, first, last);
  });
}

}  // namespace onecopy::worker
