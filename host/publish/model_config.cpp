#include "host/publish/model_config.h"

#include <array>
#include <charconv>

#include "shared/base/json_fields.h"
#include "shared/base/limits.h"

namespace onecopy::host {
namespace {

// What a model_type calls its sizes, and the defaults of its configuration class in transformers.
struct TypeFacts {
  std::string_view model_type;
  Family family;
  std::uint32_t pad_token_id;
  std::uint32_t vocab_size;
};
constexpr std::array kTypes = {
    TypeFacts{"bert", Family::kBert, 0, 30522},
    TypeFacts{"roberta", Family::kRoberta, 1, 50265},
    TypeFacts{"camembert", Family::kRoberta, 1, 30522},
    TypeFacts{"xlm-roberta", Family::kRoberta, 1, 30522},
    TypeFacts{"distilbert", Family::kDistilBert, 0, 30522},
};

struct FieldNames {
  const char* hidden = "hidden_size";
  const char* layers = "num_hidden_layers";
  const char* heads = "num_attention_heads";
  const char* intermediate = "intermediate_size";
  const char* activation = "hidden_act";
};
constexpr FieldNames kUsualNames;
constexpr FieldNames kDistilBertNames = {"dim", "n_layers", "n_heads", "hidden_dim", "activation"};

Result<TypeFacts> find_type(const JsonFields& fields) {
  ASSIGN_OR_RETURN(const std::string type, fields.text("model_type", ""));
  for (const TypeFacts& facts : kTypes) {
    if (facts.model_type == type) return facts;
  }
  return fail(ErrorCode::kUnsupported,
              "{}: model_type {} is not supported; bert, roberta, distilbert, camembert and "
              "xlm-roberta are",
              fields.where(), shown(Json(type)));
}

// Options that would change the encoder's arithmetic.
Status refuse_variants(const JsonFields& fields) {
  RETURN_IF_ERROR(fields.must_be("is_decoder", false));
  RETURN_IF_ERROR(fields.must_be("add_cross_attention", false));
  RETURN_IF_ERROR(fields.must_be("is_encoder_decoder", false));
  RETURN_IF_ERROR(fields.must_be("position_embedding_type", "absolute"));
  RETURN_IF_ERROR(fields.must_be("pruned_heads", nullptr));
  return fields.must_be("quantization_config", nullptr);
}

Result<Activation> read_activation(const JsonFields& fields, const char* key) {
  ASSIGN_OR_RETURN(const std::string name, fields.text(key, "gelu"));
  if (name == "gelu") return Activation::kGelu;
  // Three names of the same formula.
  if (name == "gelu_new" || name == "gelu_pytorch_tanh" || name == "gelu_fast")
    return Activation::kGeluTanh;
  if (name == "relu") return Activation::kRelu;
  return fail(ErrorCode::kUnsupported,
              "{}: {} {} is not supported; gelu, gelu_new, gelu_pytorch_tanh and relu are",
              fields.where(), key, shown(Json(name)));
}

Status read_sizes(const JsonFields& fields, const TypeFacts& type, ModelInfo& info) {
  const bool distil = type.family == Family::kDistilBert;
  const FieldNames names = distil ? kDistilBertNames : kUsualNames;
  ASSIGN_OR_RETURN(info.vocab_size,
                   fields.number("vocab_size", type.vocab_size, 1, limits::kVocabulary));
  ASSIGN_OR_RETURN(info.hidden, fields.number(names.hidden, 768, 1, limits::kHidden));
  ASSIGN_OR_RETURN(info.layers, fields.number(names.layers, distil ? 6 : 12, 1, limits::kLayers));
  ASSIGN_OR_RETURN(info.heads, fields.number(names.heads, 12, 1, info.hidden));
  ASSIGN_OR_RETURN(info.intermediate,
                   fields.number(names.intermediate, 3072, 1, limits::kIntermediate));
  ASSIGN_OR_RETURN(info.positions,
                   fields.number("max_position_embeddings", 512, 1, limits::kPositions));
  ASSIGN_OR_RETURN(info.pad_token_id,
                   fields.number("pad_token_id", type.pad_token_id, 0, info.vocab_size - 1));
  if (!distil) {
    ASSIGN_OR_RETURN(info.type_vocab, fields.number("type_vocab_size", 2, 1, limits::kVocabulary));
  }
  if (info.hidden % info.heads != 0) {
    return fail(ErrorCode::kInvalidArgument, "{}: {} {} is not a multiple of {} {}", fields.where(),
                names.hidden, info.hidden, names.heads, info.heads);
  }
  if (usable_positions(info) == 0) {
    return fail(ErrorCode::kInvalidArgument,
                "{}: max_position_embeddings {} leaves no position behind pad_token_id {}",
                fields.where(), info.positions, info.pad_token_id);
  }
  return {};
}

Status read_encoder(const JsonFields& fields, const TypeFacts& type, ModelInfo& info) {
  info.family = type.family;
  RETURN_IF_ERROR(read_sizes(fields, type, info));
  const bool distil = type.family == Family::kDistilBert;
  ASSIGN_OR_RETURN(info.activation, read_activation(fields, distil ? kDistilBertNames.activation
                                                                   : kUsualNames.activation));
  if (distil) return {};  // its layer norms have a fixed epsilon, ModelInfo's default
  ASSIGN_OR_RETURN(const double eps, fields.real("layer_norm_eps", 1e-12));
  info.layer_norm_eps = static_cast<float>(eps);
  if (!(info.layer_norm_eps > 0.0F && info.layer_norm_eps < 1.0F)) {
    return fail(ErrorCode::kInvalidArgument, "{}: layer_norm_eps is {}, it must be between 0 and 1",
                fields.where(), eps);
  }
  return {};
}

Status read_problem(const JsonFields& fields, ModelConfig& config) {
  ASSIGN_OR_RETURN(const std::string problem, fields.text("problem_type", ""));
  if (problem.empty()) return {};
  if (problem == "single_label_classification") {
    config.problem = ProblemType::kSingleLabel;
  } else if (problem == "multi_label_classification") {
    config.problem = ProblemType::kMultiLabel;
  } else if (problem == "regression") {
    config.problem = ProblemType::kRegression;
  } else {
    return fail(ErrorCode::kInvalidArgument, "{}: problem_type {} is unknown", fields.where(),
                shown(Json(problem)));
  }
  return {};
}

Status read_labels(const JsonFields& fields, ModelConfig& config) {
  if (fields.find("num_labels") != nullptr) {
    ASSIGN_OR_RETURN(config.num_labels, fields.number("num_labels", 0, 1, limits::kLabels));
  }
  const Json* labels = fields.find("id2label");
  if (labels == nullptr) return {};
  if (!labels->is_object() || labels->size() > limits::kLabels) {
    return fail(ErrorCode::kInvalidArgument, "{}: id2label is not an object of at most {} labels",
                fields.where(), limits::kLabels);
  }
  for (const auto& [key, label] : labels->items()) {
    std::uint32_t index = 0;
    const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), index);
    const bool good = error == std::errc() && end == key.data() + key.size() && label.is_string() &&
                      label.get_ref<const std::string&>().size() <= limits::kLabelBytes;
    if (!good || !config.id2label.emplace(index, label.get<std::string>()).second) {
      return fail(ErrorCode::kInvalidArgument,
                  "{}: id2label has {}: {}, it must have a number and a string of {} bytes",
                  fields.where(), shown(Json(key)), shown(label), limits::kLabelBytes);
    }
  }
  return {};
}

Status read_architecture(const JsonFields& fields, ModelConfig& config) {
  const Json* list = fields.find("architectures");
  if (list == nullptr || (list->is_array() && list->empty())) return {};
  if (!list->is_array() || !list->front().is_string()) {
    return fail(ErrorCode::kInvalidArgument,
                "{}: architectures is {}, it must be a list of strings", fields.where(),
                shown(*list));
  }
  config.architecture = list->front().get<std::string>();
  return {};
}

}  // namespace

Result<ModelConfig> parse_model_config(const Json& json, const std::string& where) {
  const JsonFields fields(json, where);
  ModelConfig config;
  config.where = where;
  ASSIGN_OR_RETURN(const TypeFacts type, find_type(fields));
  config.model_type = type.model_type;
  RETURN_IF_ERROR(refuse_variants(fields));
  RETURN_IF_ERROR(read_encoder(fields, type, config.encoder));
  RETURN_IF_ERROR(read_problem(fields, config));
  RETURN_IF_ERROR(read_labels(fields, config));
  RETURN_IF_ERROR(read_architecture(fields, config));
  return config;
}

Result<ModelConfig> read_model_config(const std::filesystem::path& folder) {
  const std::filesystem::path path = folder / "config.json";
  ASSIGN_OR_RETURN(const Json json, read_json_object(path));
  return parse_model_config(json, path.string());
}

}  // namespace onecopy::host
