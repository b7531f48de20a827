#include "host/publish/weight_plan.h"

#include "shared/segment/tensor_names.h"

namespace onecopy::host {
namespace {

namespace names = tensor_names;

// Where a layer's parts are in the files, behind "encoder.layer.I." or "transformer.layer.I.".
struct LayerNames {
  const char* layer;
  const char* query;
  const char* key;
  const char* value;
  const char* attention_out;
  const char* attention_norm;
  const char* ffn_in;
  const char* ffn_out;
  const char* ffn_norm;
};
constexpr LayerNames kBertNames = {
    "encoder.layer.{}.{}",  "attention.self.query",   "attention.self.key",
    "attention.self.value", "attention.output.dense", "attention.output.LayerNorm",
    "intermediate.dense",   "output.dense",           "output.LayerNorm",
};
constexpr LayerNames kDistilBertNames = {
    "transformer.layer.{}.{}", "attention.q_lin", "attention.k_lin", "attention.v_lin",
    "attention.out_lin",       "sa_layer_norm",   "ffn.lin1",        "ffn.lin2",
    "output_layer_norm",
};

// How a tensor is stored. A layer's products are what a precision makes smaller and faster; the
// table of words is the largest tensor, of which a request reads a few rows. The rest is small, and
// stays exact.
struct Storage {
  Layout layout = Layout::kRowMajor;
  DType dtype = DType::kF32;
};
constexpr Storage kRows = {Layout::kRowMajor, DType::kF32};
constexpr Storage kPanels = {Layout::kPanels, DType::kF32};

// Collects the plan; the first error stays and makes the rest do nothing.
class Planner {
 public:
  Planner(const ModelInfo& info, const NamedWeights& weights) : info_(info), weights_(weights) {}
  Result<std::vector<PlannedTensor>> plan();

 private:
  void add_embeddings();
  void add_layer(std::size_t index, const LayerNames& layer);
  void add_head();
  void add_table(std::string_view to, std::string_view from, std::size_t rows,
                 const Storage& storage);
  void add_linear(std::string_view to, std::string_view from, std::size_t rows, std::size_t cols,
                  const Storage& storage);
  void add_norm(std::string_view to, std::string_view from);
  void add(std::string to, std::string_view from, std::vector<std::uint64_t> shape,
           const Storage& storage);
  void add_vector(std::string to, std::string_view from, std::size_t size);

  const ModelInfo& info_;
  const NamedWeights& weights_;
  std::vector<PlannedTensor> tensors_;
  Status status_;
};

Status check_source(const TensorRef& source, std::string_view name,
                    const std::vector<std::uint64_t>& shape) {
  if (source.tensor->shape != shape) {
    SourceTensor expected;
    expected.shape = shape;
    return fail(ErrorCode::kCorrupt, "{}: tensor {} has shape {}, config.json makes it {}",
                source.file->path().string(), name, source.tensor->shape_text(),
                expected.shape_text());
  }
  if (source.tensor->type == SourceType::kOther) {
    return fail(ErrorCode::kUnsupported,
                "{}: tensor {} has type {}; F32, F16 and BF16 are supported",
                source.file->path().string(), name, source.tensor->type_name);
  }
  return {};
}

Status check_lora(const LoraUpdate& lora, std::string_view name,
                  const std::vector<std::uint64_t>& shape) {
  if (shape.size() != 2) {
    return fail(ErrorCode::kCorrupt, "{}: {} is no matrix to add a LoRA update to",
                lora.a.file->path().string(), name);
  }
  RETURN_IF_ERROR(check_source(lora.a, fmt::format("lora_A of {}", name), {lora.rank(), shape[1]}));
  return check_source(lora.b, fmt::format("lora_B of {}", name), {shape[0], lora.rank()});
}

void Planner::add(std::string to, std::string_view from, std::vector<std::uint64_t> shape,
                  const Storage& storage) {
  if (!status_) return;
  PlannedTensor tensor;
  tensor.source = weights_.find(from);
  if (!tensor.source) {
    status_ = fail(ErrorCode::kCorrupt, "{}: has no tensor {}", weights_.files().path().string(),
                   weights_.name_in_file(from));
    return;
  }
  status_ = check_source(tensor.source, weights_.name_in_file(from), shape);
  tensor.lora = weights_.update(from);
  if (status_ && tensor.lora) status_ = check_lora(*tensor.lora, from, shape);
  tensor.plan.name = std::move(to);
  tensor.plan.layout = storage.layout;
  tensor.plan.dtype = storage.dtype;
  tensor.plan.rows = shape.size() == 2 ? shape[0] : 1;
  tensor.plan.cols = shape.back();
  tensors_.push_back(std::move(tensor));
}

void Planner::add_vector(std::string to, std::string_view from, std::size_t size) {
  add(std::move(to), from, {size}, kRows);
}

void Planner::add_table(std::string_view to, std::string_view from, std::size_t rows,
                        const Storage& storage) {
  add(std::string(to), fmt::format("embeddings.{}.weight", from), {rows, info_.hidden}, storage);
}

void Planner::add_linear(std::string_view to, std::string_view from, std::size_t rows,
                         std::size_t cols, const Storage& storage) {
  add(names::weight(to), fmt::format("{}.weight", from), {rows, cols}, storage);
  add_vector(names::bias(to), fmt::format("{}.bias", from), rows);
}

void Planner::add_norm(std::string_view to, std::string_view from) {
  add_vector(names::weight(to), fmt::format("{}.weight", from), info_.hidden);
  add_vector(names::bias(to), fmt::format("{}.bias", from), info_.hidden);
}

void Planner::add_embeddings() {
  add_table(names::kWordEmbeddings, "word_embeddings", info_.vocab_size,
            Storage{Layout::kRowMajor, names::word_dtype(info_.precision)});
  add_table(names::kPositionEmbeddings, "position_embeddings", info_.positions, kRows);
  if (info_.type_vocab > 0)
    add_table(names::kTypeEmbeddings, "token_type_embeddings", info_.type_vocab, kRows);
  add_norm(names::kEmbeddingNorm, "embeddings.LayerNorm");
}

void Planner::add_layer(std::size_t index, const LayerNames& layer) {
  const auto to = [&](std::string_view part) { return names::layer_part(index, part); };
  const auto from = [&](const char* part) {
    return fmt::format(fmt::runtime(layer.layer), index, part);
  };
  const std::size_t hidden = info_.hidden;
  const std::size_t inner = info_.intermediate;
  const Storage storage = Storage{Layout::kPanels, names::layer_dtype(info_.precision)};
  add_linear(to(names::kQuery), from(layer.query), hidden, hidden, storage);
  add_linear(to(names::kKey), from(layer.key), hidden, hidden, storage);
  add_linear(to(names::kValue), from(layer.value), hidden, hidden, storage);
  add_linear(to(names::kAttentionOut), from(layer.attention_out), hidden, hidden, storage);
  add_norm(to(names::kAttentionNorm), from(layer.attention_norm));
  add_linear(to(names::kFfnIn), from(layer.ffn_in), inner, hidden, storage);
  add_linear(to(names::kFfnOut), from(layer.ffn_out), hidden, inner, storage);
  add_norm(to(names::kFfnNorm), from(layer.ffn_norm));
}

void Planner::add_head() {
  const std::size_t hidden = info_.hidden;
  if (info_.task == Task::kQuestionAnswering) {
    add_linear(names::kQa, "qa_outputs", 2, hidden, kRows);
  } else if (info_.task == Task::kSequenceClassification) {
    const bool roberta = info_.family == Family::kRoberta;
    const char* pooler = info_.family == Family::kBert ? "pooler.dense"
                         : roberta                     ? "classifier.dense"
                                                       : "pre_classifier";
    add_linear(names::kPooler, pooler, hidden, hidden, kPanels);
    add_linear(names::kClassifier, roberta ? "classifier.out_proj" : "classifier",
               info_.labels.size(), hidden, kRows);
  }
}

Result<std::vector<PlannedTensor>> Planner::plan() {
  const LayerNames& layer = info_.family == Family::kDistilBert ? kDistilBertNames : kBertNames;
  add_embeddings();
  for (std::size_t i = 0; i < info_.layers; ++i) add_layer(i, layer);
  add_head();
  if (!status_) return tl::unexpected(status_.error());
  return std::move(tensors_);
}

}  // namespace

Result<std::vector<PlannedTensor>> plan_weights(const ModelInfo& info,
                                                const NamedWeights& weights) {
  return Planner(info, weights).plan();
}

}  // namespace onecopy::host
