#include "shared/segment/model_info.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "shared/base/json.h"
#include "shared/base/json_fields.h"
#include "shared/base/limits.h"
#include "shared/base/quoted.h"
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

template <std::size_t N, class E>
Status read_name(const JsonFields& fields, const char* key, const std::array<const char*, N>& names,
                 E& out) {
  ASSIGN_OR_RETURN(const std::string name, fields.text(key));
  const auto found = std::ranges::find(names, name);
  if (found == names.end()) {
    return fail(ErrorCode::kInvalidArgument, "{} is {}, it must be one of {}", key, in_quotes(name),
                fmt::join(names, ", "));
  }
  out = static_cast<E>(found - names.begin());
  return {};
}

// A number within what its type holds; check() says what it may be.
Status read_number(const JsonFields& fields, const char* key, std::uint32_t& out) {
  ASSIGN_OR_RETURN(out, fields.number(key, 0, UINT32_MAX));
  return {};
}

Status read_encoder(const JsonFields& fields, ModelInfo& info) {
  RETURN_IF_ERROR(read_name(fields, "family", kFamilies, info.family));
  RETURN_IF_ERROR(read_number(fields, "vocab_size", info.vocab_size));
  RETURN_IF_ERROR(read_number(fields, "hidden", info.hidden));
  RETURN_IF_ERROR(read_number(fields, "layers", info.layers));
  RETURN_IF_ERROR(read_number(fields, "heads", info.heads));
  RETURN_IF_ERROR(read_number(fields, "intermediate", info.intermediate));
  RETURN_IF_ERROR(read_number(fields, "positions", info.positions));
  RETURN_IF_ERROR(read_number(fields, "type_vocab", info.type_vocab));
  RETURN_IF_ERROR(read_number(fields, "pad_token_id", info.pad_token_id));
  ASSIGN_OR_RETURN(const double eps, fields.real("layer_norm_eps"));
  info.layer_norm_eps = static_cast<float>(eps);
  return read_name(fields, "activation", kActivations, info.activation);
}

Status read_head(const JsonFields& fields, ModelInfo& info) {
  RETURN_IF_ERROR(read_name(fields, "task", kTasks, info.task));
  RETURN_IF_ERROR(read_name(fields, "problem", kProblems, info.problem));
  ASSIGN_OR_RETURN(info.labels, fields.texts("labels"));
  RETURN_IF_ERROR(read_name(fields, "pooling", kPoolings, info.pooling));
  ASSIGN_OR_RETURN(info.normalize, fields.flag("normalize"));
  return read_number(fields, "max_tokens", info.max_tokens);
}

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
  ASSIGN_OR_RETURN(const JsonFields fields, as_object(json, ""));
  ModelInfo info;
  ASSIGN_OR_RETURN(info.name, fields.text("name"));
  RETURN_IF_ERROR(read_number(fields, "version", info.version));
  RETURN_IF_ERROR(read_name(fields, "precision", kPrecisions, info.precision));
  RETURN_IF_ERROR(read_encoder(fields, info));
  RETURN_IF_ERROR(read_head(fields, info));
  RETURN_IF_ERROR(check(info));
  return info;
}

Status check(const ModelInfo& info) {
  if (!is_valid_name(info.name)) {
    return fail(ErrorCode::kInvalidArgument, "name is {}: {}", in_quotes(info.name), kNameRule);
  }
  RETURN_IF_ERROR(check_sizes(info));
  return check_labels(info);
}

}  // namespace onecopy
