// The names that tensors have in a model's segment, the same for every family. Shapes in brackets:
// [rows, cols] of the source; P marks Layout::kPanels, the rest is row-major.
//
//   embeddings.word [vocab, hidden]                       embeddings.position [positions, hidden]
//   embeddings.type [type_vocab, hidden]                  (absent for DistilBERT)
//   embeddings.norm.weight / .bias [1, hidden]
//   layer.I.query.weight P [hidden, hidden]               .bias [1, hidden]; also key, value,
//                                                         attention_out
//   layer.I.attention_norm.weight / .bias [1, hidden]
//   layer.I.ffn_in.weight P [intermediate, hidden]        .bias [1, intermediate]
//   layer.I.ffn_out.weight P [hidden, intermediate]       .bias [1, hidden]
//   layer.I.ffn_norm.weight / .bias [1, hidden]
//
// Question answering (row 0: start, row 1: end):
//   qa.weight [2, hidden]                                 .bias [1, 2]
// Classification; the pooler is the dense layer before the classifier (BERT's pooler: tanh,
// RoBERTa's classifier.dense: tanh, DistilBERT's pre_classifier: relu):
//   pooler.weight P [hidden, hidden]                      .bias [1, hidden]
//   classifier.weight [labels, hidden]                    .bias [1, labels]
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>

#include "shared/segment/model_info.h"
#include "shared/segment/packed_weight.h"

namespace onecopy::tensor_names {

inline constexpr std::string_view kWordEmbeddings = "embeddings.word";
inline constexpr std::string_view kPositionEmbeddings = "embeddings.position";
inline constexpr std::string_view kTypeEmbeddings = "embeddings.type";
inline constexpr std::string_view kEmbeddingNorm = "embeddings.norm";

// Parts of one layer; each has .weight and .bias.
inline constexpr std::string_view kQuery = "query";
inline constexpr std::string_view kKey = "key";
inline constexpr std::string_view kValue = "value";
inline constexpr std::string_view kAttentionOut = "attention_out";
inline constexpr std::string_view kAttentionNorm = "attention_norm";
inline constexpr std::string_view kFfnIn = "ffn_in";
inline constexpr std::string_view kFfnOut = "ffn_out";
inline constexpr std::string_view kFfnNorm = "ffn_norm";

// Heads; each has .weight and .bias.
inline constexpr std::string_view kQa = "qa";
inline constexpr std::string_view kPooler = "pooler";
inline constexpr std::string_view kClassifier = "classifier";

// Of the layers' six matrices. The pooler is f32: one row a sequence goes through it.
constexpr DType layer_dtype(Precision precision) {
  if (precision == Precision::kInt8) return DType::kS8;
  return precision == Precision::kBf16 ? DType::kBf16 : DType::kF32;
}
// Of the table of words, the largest tensor; all others that are row-major are f32.
constexpr DType word_dtype(Precision precision) {
  return precision == Precision::kF32 ? DType::kF32 : DType::kBf16;
}

inline std::string layer_part(std::size_t layer, std::string_view part) {
  return fmt::format("layer.{}.{}", layer, part);
}
inline std::string weight(std::string_view part) { return fmt::format("{}.weight", part); }
inline std::string bias(std::string_view part) { return fmt::format("{}.bias", part); }

}  // namespace onecopy::tensor_names
