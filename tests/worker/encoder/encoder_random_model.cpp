#include "tests/worker/encoder/encoder_random_model.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>

#include "host/supervise/instance_lock.h"
#include "shared/base/bf16.h"
#include "shared/segment/names.h"
#include "shared/segment/segment_writer.h"
#include "shared/segment/tensor_names.h"
#include "tests/worker/packed_weights.h"

namespace onecopy::worker {
namespace {

namespace names = tensor_names;

using Matrix = std::vector<double>;  // row-major

std::vector<TensorPlan> plan_of(const ModelInfo& info) {
  std::vector<TensorPlan> plan;
  const std::size_t hidden = info.hidden;
  const auto add = [&](const std::string& name, Layout layout, DType dtype, std::size_t rows,
                       std::size_t cols) {
    plan.push_back({name, layout, dtype, rows, cols, {}, {}});
  };
  const auto table = [&](const std::string& name, std::size_t rows, std::size_t cols) {
    add(name, Layout::kRowMajor, DType::kF32, rows, cols);
  };
  const auto norm = [&](const std::string& part) {
    table(names::weight(part), 1, hidden);
    table(names::bias(part), 1, hidden);
  };
  const auto linear = [&](const std::string& part, std::size_t outputs, std::size_t inputs,
                          DType dtype) {
    add(names::weight(part), Layout::kPanels, dtype, outputs, inputs);
    table(names::bias(part), 1, outputs);
  };
  const DType dtype = names::layer_dtype(info.precision);
  add(std::string(names::kWordEmbeddings), Layout::kRowMajor, names::word_dtype(info.precision),
      info.vocab_size, hidden);
  table(std::string(names::kPositionEmbeddings), info.positions, hidden);
  if (info.type_vocab > 0) table(std::string(names::kTypeEmbeddings), info.type_vocab, hidden);
  norm(std::string(names::kEmbeddingNorm));
  for (std::size_t i = 0; i < info.layers; ++i) {
    for (const auto part : {names::kQuery, names::kKey, names::kValue, names::kAttentionOut}) {
      linear(names::layer_part(i, part), hidden, hidden, dtype);
    }
    linear(names::layer_part(i, names::kFfnIn), info.intermediate, hidden, dtype);
    linear(names::layer_part(i, names::kFfnOut), hidden, info.intermediate, dtype);
    norm(names::layer_part(i, names::kAttentionNorm));
    norm(names::layer_part(i, names::kFfnNorm));
  }
  if (info.task == Task::kQuestionAnswering) {
    table(names::weight(names::kQa), 2, hidden);
    table(names::bias(names::kQa), 1, 2);
  }
  if (info.task == Task::kSequenceClassification) {
    linear(std::string(names::kPooler), hidden, hidden, DType::kF32);
    table(names::weight(names::kClassifier), info.labels.size(), hidden);
    table(names::bias(names::kClassifier), 1, info.labels.size());
  }
  return plan;
}

// The tensor's numbers, before they are packed.
std::vector<float> random_tensor(const TensorPlan& plan, std::mt19937& random) {
  std::normal_distribution<float> normal(0, 1);
  const float scale =
      (plan.layout == Layout::kPanels ? 1.5F : 1.0F) / std::sqrt(static_cast<float>(plan.cols));
  std::vector<float> values(plan.rows * plan.cols);
  for (float& v : values) v = normal(random) * scale;
  if (plan.name.ends_with("norm.weight")) {
    for (float& v : values) v += 1;
  }
  return values;
}

void fill(SegmentWriter& writer, const std::vector<TensorPlan>& plan, unsigned seed,
          const ChangeTensor& change) {
  std::mt19937 random(seed);
  for (std::size_t i = 0; i < plan.size(); ++i) {
    std::vector<float> values = random_tensor(plan[i], random);
    if (change) change(plan[i].name, values);
    std::byte* const bytes = writer.tensor(i).data();
    if (plan[i].layout == Layout::kPanels) {
      pack_panels(plan[i].dtype, plan[i].rows, plan[i].cols, values.data(), bytes);
    } else if (plan[i].dtype == DType::kBf16) {
      auto* const to = reinterpret_cast<std::uint16_t*>(bytes);
      std::transform(values.begin(), values.end(), to, narrow_bf16);
    } else {
      std::memcpy(bytes, values.data(), values.size() * sizeof(float));
    }
  }
}

double word_at(const TensorView& table, std::size_t i) {
  if (table.dtype == DType::kF32) return table.floats()[i];
  return widen_bf16(table.bf16s()[i]);
}

Matrix linear(const Matrix& x, const kernels::LinearWeights& weights) {
  const std::size_t inputs = weights.weight.cols;
  const std::size_t outputs = weights.weight.rows;
  Matrix w;
  for (std::size_t n = 0; n < outputs; ++n) {
    for (std::size_t k = 0; k < inputs; ++k) w.push_back(weight_at(weights.weight, n, k));
  }
  Matrix y(x.size() / inputs * outputs);
  for (std::size_t i = 0; i < y.size(); ++i) {
    double sum = weights.bias[i % outputs];
    const double* left = x.data() + i / outputs * inputs;
    const double* right = w.data() + i % outputs * inputs;
    for (std::size_t k = 0; k < inputs; ++k) sum += left[k] * right[k];
    y[i] = sum;
  }
  return y;
}

void normalize(Matrix& x, const NormWeights& norm, double eps) {
  const std::size_t width = norm.weight.size();
  for (double* row = x.data(); row < x.data() + x.size(); row += width) {
    double mean = 0;
    double variance = 0;
    for (std::size_t i = 0; i < width; ++i) mean += row[i] / static_cast<double>(width);
    for (std::size_t i = 0; i < width; ++i) {
      variance += (row[i] - mean) * (row[i] - mean) / static_cast<double>(width);
    }
    for (std::size_t i = 0; i < width; ++i) {
      row[i] = (row[i] - mean) / std::sqrt(variance + eps) * norm.weight[i] + norm.bias[i];
    }
  }
}

Matrix attend(const Matrix& q, const Matrix& k, const Matrix& v, std::size_t tokens,
              std::size_t heads) {
  const std::size_t hidden = q.size() / tokens;
  const std::size_t size = hidden / heads;
  Matrix context(q.size(), 0);
  for (std::size_t i = 0; i < tokens; ++i) {
    for (std::size_t h = 0; h < heads; ++h) {
      Matrix p(tokens, 0);
      double sum = 0;
      for (std::size_t j = 0; j < tokens; ++j) {
        for (std::size_t c = h * size; c < (h + 1) * size; ++c) {
          p[j] += q[i * hidden + c] * k[j * hidden + c] / std::sqrt(static_cast<double>(size));
        }
        p[j] = std::exp(p[j]);
        sum += p[j];
      }
      for (std::size_t j = 0; j < tokens; ++j) {
        for (std::size_t c = h * size; c < (h + 1) * size; ++c) {
          context[i * hidden + c] += p[j] / sum * v[j * hidden + c];
        }
      }
    }
  }
  return context;
}

double activate(Activation activation, double v) {
  if (activation == Activation::kRelu) return std::max(v, 0.0);
  if (activation == Activation::kGelu) return 0.5 * v * (1 + std::erf(v / std::sqrt(2.0)));
  return 0.5 * v * (1 + std::tanh(std::sqrt(2 / M_PI) * (v + 0.044715 * v * v * v)));
}

void add(Matrix& x, const Matrix& y) {
  for (std::size_t i = 0; i < x.size(); ++i) x[i] += y[i];
}

}  // namespace

ModelInfo small_model(Family family, std::uint32_t heads, std::uint32_t head_size,
                      std::uint32_t intermediate) {
  ModelInfo info;
  info.name = "random";
  info.family = family;
  info.vocab_size = 50;
  info.hidden = heads * head_size;
  info.layers = 2;
  info.heads = heads;
  info.intermediate = intermediate;
  info.positions = 300;
  info.type_vocab = family == Family::kDistilBert ? 0 : 2;
  info.pad_token_id = family == Family::kRoberta ? 1 : 0;
  info.max_tokens = 256;
  return info;
}

std::unique_ptr<Model> random_model(const ModelInfo& info, unsigned seed,
                                    const ChangeTensor& change) {
  static unsigned generation = 0;
  // Held, so that a test that removes what dead instances left does not take this for one.
  static const std::string instance = "test-" + std::to_string(getpid());
  static const auto lock = host::lock_instance(instance);
  EXPECT_TRUE(lock);
  const std::string name = format_segment_name({.instance = instance,
                                                .model = info.name,
                                                .version = info.version,
                                                .generation = ++generation});
  const std::vector<TensorPlan> plan = plan_of(info);
  auto writer = SegmentWriter::create(name, info, {}, plan);
  if (!writer) {
    ADD_FAILURE() << writer.error().text;
    return nullptr;
  }
  fill(*writer, plan, seed, change);
  if (auto ok = writer->publish(); !ok) {
    ADD_FAILURE() << ok.error().text;
    return nullptr;
  }
  auto segment = Segment::open(name, Segment::Check::kContents);
  EXPECT_TRUE(unlink_segment(name));
  if (!segment) {
    ADD_FAILURE() << segment.error().text;
    return nullptr;
  }
  auto model = Model::bind(std::move(*segment));
  if (!model) ADD_FAILURE() << model.error().text;
  return model ? std::move(*model) : nullptr;
}

std::vector<double> reference_encode(const Model& model, const std::vector<std::int32_t>& ids,
                                     const std::vector<std::int32_t>& type_ids) {
  const ModelInfo& info = model.info();
  const EmbeddingWeights& tables = model.embeddings();
  const std::size_t hidden = info.hidden;
  Matrix x(ids.size() * hidden);
  std::size_t next = info.family == Family::kRoberta ? info.pad_token_id + 1 : 0;
  for (std::size_t t = 0; t < ids.size(); ++t) {
    const auto id = static_cast<std::size_t>(ids[t]);
    const bool skipped = info.family == Family::kRoberta && id == info.pad_token_id;
    const std::size_t position = skipped ? info.pad_token_id : next++;
    const std::size_t type = type_ids.empty() ? 0 : static_cast<std::size_t>(type_ids[t]);
    for (std::size_t c = 0; c < hidden; ++c) {
      x[t * hidden + c] = word_at(tables.word, id * hidden + c) +
                          tables.position[position * hidden + c] +
                          (tables.type.empty() ? 0 : tables.type[type * hidden + c]);
    }
  }
  normalize(x, tables.norm, info.layer_norm_eps);
  for (const LayerWeights& layer : model.layers()) {
    add(x, linear(attend(linear(x, layer.query), linear(x, layer.key), linear(x, layer.value),
                         ids.size(), info.heads),
                  layer.attention_out));
    normalize(x, layer.attention_norm, info.layer_norm_eps);
    Matrix inner = linear(x, layer.ffn_in);
    for (double& v : inner) v = activate(info.activation, v);
    add(x, linear(inner, layer.ffn_out));
    normalize(x, layer.ffn_norm, info.layer_norm_eps);
  }
  return x;
}

}  // namespace onecopy::worker
