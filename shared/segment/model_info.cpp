#include "shared/segment/model_info.h"

#include <array>
#include <cmath>
#include <limits>

#include "shared/base/json.h"
#include "shared/base/limits.h"
#include "shared/segment/names.h"

namespace onecopy {
namespace {

// Enumerators by their value, as they are written in the JSON.
constexpr std::array kFamilies = {"bert", "roberta", "distilbert"};
constexpr std::array kTasks = {"question-answering", "sequence-classification", "embedding"};
constexpr std::array kActivations = {"gelu", "gelu_tanh", "relu"};
constexpr std::array kProblems = {"single_label", "multi_label", "regression"};
constexpr std::array kPoolings = {"mean", "cls", "max"};
constexpr std::array kPrecisions = {"f32", "bf16", "int8"};

template <std::size_t N, class E>
std::string_view name_of(const std::array<const char*, N>& names, E value) {
  return names.at(static_cast<std::size_t>(value));
}

// Reads one field after the other; the first problem stays.
class Fields {
 public:
  explicit Fields(const Json& json) : json_(json) {}

  void read(const char* key, std::uint32_t& out) {
    const Json* value = find(key, Json::value_t::number_unsigned);
    if (value == nullptr) return;
    if (value->get<std::uint64_t>() > std::numeric_limits<std::uint32_t>::max()) return refuse(key);
    out = value->get<std::uint32_t>();
  }
  void read(const char* key, std::string& out) {
    if (const Json* value = find(key, Json::value_t::string)) out = value->get<std::string>();
  }
  void read(const char* key, float& out) {
    if (const Json* value = find(key, Json::value_t::number_float)) out = value->get<float>();
  }
  void read(const char* key, bool& out) {
    if (const Json* value = find(key, Json::value_t::boolean)) out = value->get<bool>();
  }
  void read(const char* key, std::vector<std::string>& out) {
    const Json* value = find(key, Json::value_t::array);
    if (value == nullptr) return;
    for (const Json& item : *value) {
      if (!item.is_string()) return refuse(key);
      out.push_back(item.get<std::string>());
    }
  }
  template <std::size_t N, class E>
  void read(const char* key, const std::array<const char*, N>& names, E& out) {
    const Json* value = find(key, Json::value_t::string);
    if (value == nullptr) return;
    for (std::size_t i = 0; i < N; ++i) {
      if (*value == names.at(i)) {
        out = static_cast<E>(i);
        return;
      }
    }
    refuse(key);
  }
  const std::string& problem() const { return problem_; }

 private:
  const Json* find(const char* key, Json::value_t type) {
    const auto found = json_.find(key);
    if (found != json_.end() && found->type() == type) return &*found;
    refuse(key);
    return nullptr;
  }
  void refuse(const char* key) {
    if (problem_.empty()) problem_ = key;
  }

  const Json& json_;
  std::string problem_;
};

Status in_range(std::string_view field, std::uint64_t value, std::uint64_t least,
                std::uint64_t most) {
  if (value >= least && value <= most) return {};
  return fail(ErrorCode::kInvalidArgument, "{} is {}, it must be from {} to {}", field, value,
              least, most);
}

Status check_sizes(const ModelInfo& info) {
  RETURN_IF_ERROR(in_range("version", info.version, 1, std::numeric_limits<std::uint32_t>::max()));
  RETURN_IF_ERROR(in_range("vocab_size", info.vocab_size, 1, limits::kVocabulary));
  RETURN_IF_ERROR(in_range("hidden", info.hidden, 1, limits::kHidden));
  RETURN_IF_ERROR(in_range("layers", info.layers, 1, limits::kLayers));
  RETURN_IF_ERROR(in_range("heads", info.heads, 1, info.hidden));
  RETURN_IF_ERROR(in_range("intermediate", info.intermediate, 1, limits::kIntermediate));
  RETURN_IF_ERROR(in_range("positions", info.positions, 1, limits::kPositions));
  RETURN_IF_ERROR(in_range("type_vocab", info.type_vocab, 0, limits::kVocabulary));
  RETURN_IF_ERROR(in_range("pad_token_id", info.pad_token_id, 0, info.vocab_size - 1));
  if (info.hidden % info.heads != 0) {
    return fail(ErrorCode::kInvalidArgument, "hidden {} is no multiple of heads {}", info.hidden,
                info.heads);
  }
  if ((info.family == Family::kDistilBert) != (info.type_vocab == 0)) {
    return fail(ErrorCode::kInvalidArgument, "type_vocab is {}, which this family cannot have",
                info.type_vocab);
  }
  if (!(info.layer_norm_eps > 0.0F && info.layer_norm_eps < 1.0F)) {
    return fail(ErrorCode::kInvalidArgument, "layer_norm_eps is {}, it must be between 0 and 1",
                info.layer_norm_eps);
  }
  return in_range("max_tokens", info.max_tokens, 1, usable_positions(info));
}

Status check_labels(const ModelInfo& info) {
  if (info.task != Task::kSequenceClassification) {
    return in_range("the number of labels of a model without classes", info.labels.size(), 0, 0);
  }
  RETURN_IF_ERROR(in_range("the number of labels", info.labels.size(), 1, limits::kLabels));
  for (const std::string& label : info.labels) {
    RETURN_IF_ERROR(in_range("the length of a label", label.size(), 0, limits::kLabelBytes));
  }
  return {};
}

}  // namespace

std::uint32_t usable_positions(const ModelInfo& info) {
  if (info.family != Family::kRoberta) return info.positions;
  return info.positions > info.pad_token_id + 1 ? info.positions - info.pad_token_id - 1 : 0;
}

std::string_view to_string(Task task) { return name_of(kTasks, task); }
std::string_view to_string(Precision precision) { return name_of(kPrecisions, precision); }

std::string to_json(const ModelInfo& info) {
  const Json json = {{"name", info.name},
                     {"version", info.version},
                     {"precision", name_of(kPrecisions, info.precision)},
                     {"family", name_of(kFamilies, info.family)},
                     {"vocab_size", info.vocab_size},
                     {"hidden", info.hidden},
                     {"layers", info.layers},
                     {"heads", info.heads},
                     {"intermediate", info.intermediate},
                     {"positions", info.positions},
                     {"type_vocab", info.type_vocab},
                     {"pad_token_id", info.pad_token_id},
                     {"layer_norm_eps", info.layer_norm_eps},
                     {"activation", name_of(kActivations, info.activation)},
                     {"task", name_of(kTasks, info.task)},
                     {"problem", name_of(kProblems, info.problem)},
                     {"labels", info.labels},
                     {"pooling", name_of(kPoolings, info.pooling)},
                     {"normalize", info.normalize},
                     {"max_tokens", info.max_tokens}};
  return json.dump(-1, ' ', true, Json::error_handler_t::replace);
}

Result<ModelInfo> model_info_from_json(std::string_view text) {
  ASSIGN_OR_RETURN(const Json json, parse_json(text));
  if (!json.is_object()) return fail(ErrorCode::kInvalidArgument, "not a JSON object");
  ModelInfo info;
  Fields fields(json);
  fields.read("name", info.name);
  fields.read("version", info.version);
  fields.read("precision", kPrecisions, info.precision);
  fields.read("family", kFamilies, info.family);
  fields.read("vocab_size", info.vocab_size);
  fields.read("hidden", info.hidden);
  fields.read("layers", info.layers);
  fields.read("heads", info.heads);
  fields.read("intermediate", info.intermediate);
  fields.read("positions", info.positions);
  fields.read("type_vocab", info.type_vocab);
  fields.read("pad_token_id", info.pad_token_id);
  fields.read("layer_norm_eps", info.layer_norm_eps);
  fields.read("activation", kActivations, info.activation);
  fields.read("task", kTasks, info.task);
  fields.read("problem", kProblems, info.problem);
  fields.read("labels", info.labels);
  fields.read("pooling", kPoolings, info.pooling);
  fields.read("normalize", info.normalize);
  fields.read("max_tokens", info.max_tokens);
  if (!fields.problem().empty()) {
    return fail(ErrorCode::kInvalidArgument, "{} is missing or not of its type", fields.problem());
  }
  RETURN_IF_ERROR(check(info));
  return info;
}

Status check(const ModelInfo& info) {
  if (!is_valid_name(info.name)) {
    return fail(ErrorCode::kInvalidArgument, "a model's name must be 1 to {} of A-Z a-z 0-9 . _ -",
                limits::kNameBytes);
  }
  RETURN_IF_ERROR(check_sizes(info));
  return check_labels(info);
}

}  // namespace onecopy
