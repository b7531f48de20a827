// What a model is, apart from its weights: sizes, task, labels. The host derives it from a model
// folder and stores it in the segment as JSON; workers and the gateway read it from there.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "shared/base/status.h"

namespace onecopy {

enum class Family : std::uint32_t { kBert, kRoberta, kDistilBert };
enum class Task : std::uint32_t { kQuestionAnswering, kSequenceClassification, kEmbedding };
enum class Activation : std::uint32_t { kGelu, kGeluTanh, kRelu };  // kGelu is the exact (erf) one
enum class ProblemType : std::uint32_t { kSingleLabel, kMultiLabel, kRegression };
enum class Pooling : std::uint32_t { kMean, kCls, kMax };
// What the encoder's weights are packed as, and so what its products are computed in. Sums, norms,
// residuals and heads are f32 in all of them.
enum class Precision : std::uint32_t { kF32, kBf16, kInt8 };

struct ModelInfo {
  std::string name;
  std::uint32_t version = 1;
  Precision precision = Precision::kF32;

  // encoder
  Family family = Family::kBert;
  std::uint32_t vocab_size = 0;
  std::uint32_t hidden = 0;
  std::uint32_t layers = 0;
  std::uint32_t heads = 0;
  std::uint32_t intermediate = 0;
  std::uint32_t positions = 0;     // rows of the position table
  std::uint32_t type_vocab = 0;    // rows of the token type table; 0: the family has none
  std::uint32_t pad_token_id = 0;  // RoBERTa: positions start at pad_token_id + 1
  float layer_norm_eps = 1e-12F;
  Activation activation = Activation::kGelu;

  // head
  Task task = Task::kEmbedding;
  ProblemType problem = ProblemType::kSingleLabel;
  std::vector<std::string> labels;   // by class index; classification only
  Pooling pooling = Pooling::kMean;  // embedding only
  bool normalize = false;            // embedding only: scale to length 1

  // Longest input in tokens, specials included: the smaller of the tokenizer's model_max_length
  // (sentence_bert_config.json's max_seq_length for embedding) and what the position table holds.
  std::uint32_t max_tokens = 0;

  bool operator==(const ModelInfo&) const = default;
};

// Most tokens that the position table can hold: RoBERTa loses pad_token_id + 1 of its rows.
std::uint32_t usable_positions(const ModelInfo& info);

std::string to_json(const ModelInfo& info);
// Checks every field against limits.h and against the others (heads divide hidden, ...).
Result<ModelInfo> model_info_from_json(std::string_view json);
Status check(const ModelInfo& info);

std::string_view to_string(Task task);
std::string_view to_string(Precision precision);  // "f32", "bf16", "int8"

}  // namespace onecopy
