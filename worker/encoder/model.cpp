#include "worker/encoder/model.h"

#include <utility>

#include "shared/segment/tensor_names.h"

namespace onecopy::worker {
namespace {

namespace names = tensor_names;

Result<std::span<const float>> row_major(const Segment& segment, const std::string& name,
                                         std::size_t rows, std::size_t cols) {
  ASSIGN_OR_RETURN(const TensorView view,
                   segment.tensor(name, Layout::kRowMajor, DType::kF32, rows, cols));
  return view.floats();
}

Status bind_norm(const Segment& segment, std::string_view part, NormWeights& out) {
  const std::size_t hidden = segment.info().hidden;
  ASSIGN_OR_RETURN(out.weight, row_major(segment, names::weight(part), 1, hidden));
  ASSIGN_OR_RETURN(out.bias, row_major(segment, names::bias(part), 1, hidden));
  return {};
}

Status bind_linear(const Segment& segment, std::string_view part, DType dtype, std::size_t outputs,
                   std::size_t inputs, kernels::LinearWeights& out) {
  ASSIGN_OR_RETURN(out.weight,
                   segment.tensor(names::weight(part), Layout::kPanels, dtype, outputs, inputs));
  ASSIGN_OR_RETURN(out.bias, row_major(segment, names::bias(part), 1, outputs));
  return {};
}

Status bind_embeddings(const Segment& segment, EmbeddingWeights& out) {
  const ModelInfo& info = segment.info();
  ASSIGN_OR_RETURN(out.word,
                   segment.tensor(names::kWordEmbeddings, Layout::kRowMajor,
                                  names::word_dtype(info.precision), info.vocab_size, info.hidden));
  ASSIGN_OR_RETURN(out.position, row_major(segment, std::string(names::kPositionEmbeddings),
                                           info.positions, info.hidden));
  if (info.type_vocab > 0) {
    ASSIGN_OR_RETURN(out.type, row_major(segment, std::string(names::kTypeEmbeddings),
                                         info.type_vocab, info.hidden));
  }
  return bind_norm(segment, names::kEmbeddingNorm, out.norm);
}

Status bind_layer(const Segment& segment, std::size_t layer, LayerWeights& out) {
  const std::size_t hidden = segment.info().hidden;
  const std::size_t inner = segment.info().intermediate;
  const auto linear = [&](std::string_view part, std::size_t outputs, std::size_t inputs,
                          kernels::LinearWeights& weights) {
    return bind_linear(segment, names::layer_part(layer, part),
                       names::layer_dtype(segment.info().precision), outputs, inputs, weights);
  };
  RETURN_IF_ERROR(linear(names::kQuery, hidden, hidden, out.query));
  RETURN_IF_ERROR(linear(names::kKey, hidden, hidden, out.key));
  RETURN_IF_ERROR(linear(names::kValue, hidden, hidden, out.value));
  RETURN_IF_ERROR(linear(names::kAttentionOut, hidden, hidden, out.attention_out));
  RETURN_IF_ERROR(linear(names::kFfnIn, inner, hidden, out.ffn_in));
  RETURN_IF_ERROR(linear(names::kFfnOut, hidden, inner, out.ffn_out));
  RETURN_IF_ERROR(
      bind_norm(segment, names::layer_part(layer, names::kAttentionNorm), out.attention_norm));
  return bind_norm(segment, names::layer_part(layer, names::kFfnNorm), out.ffn_norm);
}

Status bind_head(const Segment& segment, HeadWeights& out) {
  const ModelInfo& info = segment.info();
  if (info.task == Task::kQuestionAnswering) {
    ASSIGN_OR_RETURN(out.qa_weight, row_major(segment, names::weight(names::kQa), 2, info.hidden));
    ASSIGN_OR_RETURN(out.qa_bias, row_major(segment, names::bias(names::kQa), 1, 2));
  }
  if (info.task == Task::kSequenceClassification) {
    const std::size_t labels = info.labels.size();
    RETURN_IF_ERROR(
        bind_linear(segment, names::kPooler, DType::kF32, info.hidden, info.hidden, out.pooler));
    ASSIGN_OR_RETURN(out.classifier_weight,
                     row_major(segment, names::weight(names::kClassifier), labels, info.hidden));
    ASSIGN_OR_RETURN(out.classifier_bias,
                     row_major(segment, names::bias(names::kClassifier), 1, labels));
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<Model>> Model::bind(Segment segment) {
  // Checked by the host as well; a worker takes nothing on trust that it divides or indexes by.
  if (auto ok = check(segment.info()); !ok) {
    return fail(ErrorCode::kCorrupt, "segment {}: {}", segment.name(), ok.error().text);
  }
  std::unique_ptr<Model> model(new Model(std::move(segment)));
  const Segment& held = model->segment_;
  RETURN_IF_ERROR(bind_embeddings(held, model->embeddings_));
  model->layers_.resize(held.info().layers);
  for (std::size_t i = 0; i < model->layers_.size(); ++i) {
    RETURN_IF_ERROR(bind_layer(held, i, model->layers_[i]));
  }
  RETURN_IF_ERROR(bind_head(held, model->head_));
  return model;
}

}  // namespace onecopy::worker
