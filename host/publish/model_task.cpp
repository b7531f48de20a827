#include "host/publish/model_task.h"

#include <algorithm>
#include <array>

#include "shared/base/json_fields.h"
#include "shared/base/limits.h"

namespace onecopy::host {
namespace {

// The last layer of a classifier.
std::string_view classifier_weight(Family family) {
  return family == Family::kRoberta ? "classifier.out_proj.weight" : "classifier.weight";
}

Task task_of_tensors(Family family, const NamedWeights& weights) {
  if (weights.find("qa_outputs.weight")) return Task::kQuestionAnswering;
  if (weights.find(classifier_weight(family))) return Task::kSequenceClassification;
  return Task::kEmbedding;
}

Result<Task> task_of_architecture(const ModelConfig& config, const NamedWeights& weights) {
  const std::string& name = config.architecture;
  if (name.empty()) return task_of_tensors(config.encoder.family, weights);
  constexpr std::array kFamilies = {"Bert", "Roberta", "DistilBert", "Camembert", "XLMRoberta"};
  for (const std::string family : kFamilies) {
    if (name == family + "ForQuestionAnswering") return Task::kQuestionAnswering;
    if (name == family + "ForSequenceClassification") return Task::kSequenceClassification;
    if (name == family + "Model") return Task::kEmbedding;
  }
  return fail(ErrorCode::kUnsupported,
              "{}: architecture {} is not supported; ...ForQuestionAnswering, "
              "...ForSequenceClassification and ...Model "
              "of Bert, Roberta, DistilBert, Camembert and XLMRoberta are",
              config.where, shown(Json(name)));
}

// As the text-classification pipeline chooses: one label without a problem_type gets a sigmoid too.
ProblemType problem_of(const ModelConfig& config, std::size_t labels) {
  if (config.problem == ProblemType::kRegression) return ProblemType::kRegression;
  if (labels == 1) return ProblemType::kMultiLabel;
  return config.problem.value_or(ProblemType::kSingleLabel);
}

Result<std::vector<std::string>> read_labels(const ModelConfig& config, std::uint64_t count) {
  const std::uint64_t named =
      config.id2label.empty() ? config.num_labels.value_or(count) : config.id2label.size();
  if (named != count) {
    return fail(ErrorCode::kInvalidArgument, "{}: {} labels, but the classifier has {} rows",
                config.where, named, count);
  }
  std::vector<std::string> labels;
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto name = config.id2label.find(i);
    if (!config.id2label.empty() && name == config.id2label.end()) {
      return fail(ErrorCode::kInvalidArgument, "{}: id2label has no label {}", config.where, i);
    }
    labels.push_back(config.id2label.empty() ? fmt::format("LABEL_{}", i) : name->second);
  }
  return labels;
}

Status fill_classes(const ModelConfig& config, const NamedWeights& weights, ModelInfo& info) {
  const std::string_view name = classifier_weight(info.family);
  const TensorRef classifier = weights.find(name);
  if (!classifier) {
    return fail(ErrorCode::kCorrupt, "{}: has no tensor {}", weights.files().path().string(),
                weights.name_in_file(name));
  }
  const auto& shape = classifier.tensor->shape;
  if (shape.size() != 2 || shape[0] == 0 || shape[0] > limits::kLabels) {
    return fail(ErrorCode::kCorrupt,
                "{}: tensor {} has shape {}, expected [labels, {}] with 1 to {} labels",
                classifier.file->path().string(), name, classifier.tensor->shape_text(),
                info.hidden, limits::kLabels);
  }
  ASSIGN_OR_RETURN(info.labels, read_labels(config, shape[0]));
  info.problem = problem_of(config, info.labels.size());
  return {};
}

}  // namespace

Result<ModelInfo> decide_head(const ModelConfig& config,
                              const std::optional<SentenceModules>& sentence,
                              std::optional<Task> adapter_task, const NamedWeights& weights) {
  ModelInfo info = config.encoder;
  if (adapter_task) {
    info.task = *adapter_task;
  } else if (sentence) {
    info.task = Task::kEmbedding;
  } else {
    ASSIGN_OR_RETURN(info.task, task_of_architecture(config, weights));
  }
  if (info.task == Task::kEmbedding && sentence) {
    info.pooling = sentence->pooling;
    info.normalize = sentence->normalize;
  }
  if (info.task == Task::kSequenceClassification)
    RETURN_IF_ERROR(fill_classes(config, weights, info));
  return info;
}

std::uint32_t max_tokens(const ModelInfo& info, const std::optional<SentenceModules>& sentence,
                         std::optional<std::uint32_t> model_max_length) {
  std::uint32_t most = model_max_length.value_or(UINT32_MAX);
  if (info.task == Task::kEmbedding && sentence && sentence->max_tokens)
    most = *sentence->max_tokens;
  return std::clamp(most, std::uint32_t{1}, usable_positions(info));
}

}  // namespace onecopy::host
