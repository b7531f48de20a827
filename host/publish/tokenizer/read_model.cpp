#include "host/publish/tokenizer/read_model.h"

#include "host/publish/tokenizer/token_id.h"
#include "shared/base/json_fields.h"
#include "shared/base/limits.h"
#include "shared/base/quoted.h"

namespace onecopy {

namespace {

Status refuse_unless(bool supported, const JsonFields& model, const char* key) {
  if (supported) return {};
  return fail(ErrorCode::kUnsupported, "{}: {} is not supported", model.name_of(key),
              in_quotes(model.json().at(key).dump()));
}

Result<ModelSpec> read_word_piece(const JsonFields& model) {
  ModelSpec spec;
  spec.kind = image::Model::kWordPiece;
  ASSIGN_OR_RETURN(spec.unknown_token, model.text("unk_token"));
  ASSIGN_OR_RETURN(spec.continuing_prefix, model.text("continuing_subword_prefix"));
  ASSIGN_OR_RETURN(spec.max_word_chars, model.number("max_input_chars_per_word", 0, UINT32_MAX));
  return spec;
}

// ["a b", ...] in older files, [["a", "b"], ...] in newer ones.
Result<std::pair<std::string, std::string>> read_merge(const Json& merge, const std::string& name) {
  if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string()) {
    return std::make_pair(merge[0].get<std::string>(), merge[1].get<std::string>());
  }
  if (merge.is_string()) {
    const auto& text = merge.get_ref<const std::string&>();
    const std::size_t blank = text.find(' ');
    if (blank != std::string::npos && text.find(' ', blank + 1) == std::string::npos) {
      return std::make_pair(text.substr(0, blank), text.substr(blank + 1));
    }
  }
  return fail(ErrorCode::kInvalidArgument, "{}: must be two tokens, \"a b\" or [\"a\", \"b\"]",
              name);
}

Status read_merges(const JsonFields& model, ModelSpec& spec) {
  const std::string name = model.name_of("merges");
  if (!model.has("merges") || !model.json().at("merges").is_array()) {
    return fail(ErrorCode::kInvalidArgument, "{}: must be a list", name);
  }
  const Json& merges = model.json().at("merges");
  if (merges.size() > limits::kVocabulary) {
    return fail(ErrorCode::kTooLarge, "{}: {} are more than {}", name, merges.size(),
                limits::kVocabulary);
  }
  spec.merges.reserve(merges.size());
  for (std::size_t i = 0; i < merges.size(); ++i) {
    if (merges[i].is_string() && merges[i].get_ref<const std::string&>().starts_with("#version"))
      continue;
    ASSIGN_OR_RETURN(auto merge, read_merge(merges[i], fmt::format("{}[{}]", name, i)));
    spec.merges.push_back(std::move(merge));
  }
  return {};
}

Result<ModelSpec> read_bpe(const JsonFields& model) {
  ModelSpec spec;
  spec.kind = image::Model::kByteBpe;
  const Json& json = model.json();
  RETURN_IF_ERROR(
      refuse_unless(!model.has("dropout") || json.at("dropout") == 0.0, model, "dropout"));
  for (const char* affix : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    RETURN_IF_ERROR(refuse_unless(!model.has(affix) || json.at(affix) == "", model, affix));
  }
  RETURN_IF_ERROR(refuse_unless(!model.has("byte_fallback") || json.at("byte_fallback") == false,
                                model, "byte_fallback"));
  if (model.has("unk_token")) {
    ASSIGN_OR_RETURN(spec.unknown_token, model.text("unk_token"));
  }
  ASSIGN_OR_RETURN(spec.fuse_unknown, model.flag("fuse_unk", false));
  ASSIGN_OR_RETURN(spec.ignore_merges, model.flag("ignore_merges", false));
  RETURN_IF_ERROR(read_merges(model, spec));
  return spec;
}

// Files of early versions don't state the type.
std::string type_of(const JsonFields& model) {
  if (model.has("type") && model.json().at("type").is_string())
    return model.json().at("type").get<std::string>();
  if (model.has("merges")) return "BPE";
  if (model.has("vocab") && model.json().at("vocab").is_array()) return "Unigram";
  return model.has("max_input_chars_per_word") ? "WordPiece" : "WordLevel";
}

}  // namespace

Result<Vocabulary> read_vocabulary(const Json& json, const std::string& name) {
  if (!json.is_object())
    return fail(ErrorCode::kInvalidArgument, "{}: must be an object of tokens and ids", name);
  if (json.size() > limits::kVocabulary) {
    return fail(ErrorCode::kTooLarge, "{}: {} tokens are more than {}", name, json.size(),
                limits::kVocabulary);
  }
  Vocabulary vocabulary;
  vocabulary.reserve(json.size());
  for (const auto& [token, id] : json.items()) {
    if (token.size() > limits::kTokenBytes) {
      return fail(ErrorCode::kTooLarge, "{}: token {} is longer than {} bytes", name,
                  in_quotes(token), limits::kTokenBytes);
    }
    ASSIGN_OR_RETURN(vocabulary[token], as_id(id, fmt::format("{}[{}]", name, in_quotes(token))));
  }
  return vocabulary;
}

Result<ModelSpec> read_model(const JsonFields& model) {
  const std::string type = type_of(model);
  if (type == "Unigram") {
    return fail(
        ErrorCode::kUnsupported,
        "{}: SentencePiece Unigram tokenizers are not supported, only WordPiece and byte-level BPE",
        model.where());
  }
  if (type != "WordPiece" && type != "BPE") {
    return fail(ErrorCode::kUnsupported, "{}: {} is not supported, only WordPiece and BPE",
                model.name_of("type"), in_quotes(type));
  }
  ASSIGN_OR_RETURN(ModelSpec spec, type == "BPE" ? read_bpe(model) : read_word_piece(model));
  if (!model.has("vocab"))
    return fail(ErrorCode::kInvalidArgument, "{}: is missing", model.name_of("vocab"));
  ASSIGN_OR_RETURN(spec.vocabulary,
                   read_vocabulary(model.json().at("vocab"), model.name_of("vocab")));
  spec.source = model.where();
  return spec;
}

}  // namespace onecopy
