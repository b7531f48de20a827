#include "host/publish/tokenizer/tokenizer_config.h"

#include <algorithm>
#include <charconv>

#include "host/publish/tokenizer/read_tokenizer_json.h"
#include "host/publish/tokenizer/token_id.h"
#include "shared/base/json_fields.h"
#include "shared/base/limits.h"
#include "shared/base/quoted.h"
#include "shared/base/small_file.h"

namespace onecopy {

namespace {

constexpr const char* kConfig = "tokenizer_config.json";
constexpr const char* kSpecialMap = "special_tokens_map.json";
constexpr const char* kAdded = "added_tokens.json";
constexpr const char* kAdditional = "additional_special_tokens";
constexpr const char* kAttributes[] = {"bos_token", "eos_token", "unk_token", "sep_token",
                                       "pad_token", "cls_token", "mask_token"};

// A JSON object of the folder; an empty one where there is no such file.
Result<Json> read_optional(const std::filesystem::path& folder, const char* file) {
  if (!is_there(folder / file)) return Json::object();
  return read_json_object(folder / file);
}

Result<TokenizerClass> class_of(const Json& tokenizer_config, const Json& config) {
  for (const auto& [file, json] :
       {std::pair(kConfig, &tokenizer_config), std::pair("config.json", &config)}) {
    const JsonFields object{*json, file};
    if (!object.has("tokenizer_class")) continue;
    ASSIGN_OR_RETURN(std::string name, object.text("tokenizer_class"));
    if (name.ends_with("Fast")) name.resize(name.size() - 4);
    if (name == "BertTokenizer" || name == "DistilBertTokenizer" || name == "ElectraTokenizer") {
      return TokenizerClass::kBert;
    }
    if (name == "RobertaTokenizer") return TokenizerClass::kRoberta;
    if (name == "CamembertTokenizer") return TokenizerClass::kCamembert;
    if (name == "XLMRobertaTokenizer") return TokenizerClass::kXlmRoberta;
    if (name == "PreTrainedTokenizer") return TokenizerClass::kGeneric;
    return fail(ErrorCode::kUnsupported,
                "{}: {} is not supported; BertTokenizer, DistilBertTokenizer, "
                "RobertaTokenizer, CamembertTokenizer, "
                "XLMRobertaTokenizer and PreTrainedTokenizerFast are",
                object.name_of("tokenizer_class"), in_quotes(name));
  }
  const std::string type =
      config.value("model_type", Json()).is_string() ? config.at("model_type") : Json("");
  if (type == "bert" || type == "distilbert" || type == "electra") return TokenizerClass::kBert;
  if (type == "roberta") return TokenizerClass::kRoberta;
  if (type == "camembert") return TokenizerClass::kCamembert;
  if (type == "xlm-roberta") return TokenizerClass::kXlmRoberta;
  return TokenizerClass::kGeneric;
}

Result<SpecialToken> read_special(const Json& json, const std::string& name) {
  SpecialToken special;
  if (json.is_string()) {
    special.token.content = json.get<std::string>();
    return special;
  }
  ASSIGN_OR_RETURN(const JsonFields object, as_object(json, name));
  ASSIGN_OR_RETURN(special.token, read_added_token(object));
  special.is_object = true;
  return special;
}

Result<std::vector<SpecialToken>> read_specials(const Json& json, const std::string& name) {
  if (!json.is_array()) return fail(ErrorCode::kInvalidArgument, "{}: must be a list", name);
  std::vector<SpecialToken> tokens;
  for (const Json& element : json) {
    ASSIGN_OR_RETURN(SpecialToken token,
                     read_special(element, fmt::format("{}[{}]", name, tokens.size())));
    tokens.push_back(std::move(token));
  }
  return tokens;
}

Status read_specials_of_config(const JsonFields& file, TokenizerConfig& config) {
  for (const char* attribute : kAttributes) {
    if (!file.json().contains(attribute)) continue;
    config.special[attribute] = std::nullopt;
    if (!file.has(attribute)) continue;
    ASSIGN_OR_RETURN(config.special[attribute],
                     read_special(file.json().at(attribute), file.name_of(attribute)));
  }
  if (file.has(kAdditional)) {
    ASSIGN_OR_RETURN(config.additional,
                     read_specials(file.json().at(kAdditional), file.name_of(kAdditional)));
  } else if (file.json().contains(kAdditional)) {
    config.additional.emplace();
  }
  if (!file.has("extra_special_tokens")) return {};
  ASSIGN_OR_RETURN(const JsonFields extra, file.object("extra_special_tokens"));
  for (const auto& [key, value] : extra.json().items()) {
    ASSIGN_OR_RETURN(SpecialToken token, read_special(value, extra.name_of(in_quotes(key))));
    config.extra.emplace_back(key, std::move(token));
  }
  return {};
}

Status read_added_tokens_decoder(const JsonFields& file, TokenizerConfig& config) {
  ASSIGN_OR_RETURN(const JsonFields decoder, file.object("added_tokens_decoder"));
  for (const auto& [key, value] : decoder.json().items()) {
    std::uint32_t id = 0;
    const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), id);
    if (error != std::errc() || end != key.data() + key.size() || id >= limits::kVocabulary) {
      return fail(ErrorCode::kInvalidArgument, "{}: must be an id below {}",
                  decoder.name_of(in_quotes(key)), limits::kVocabulary);
    }
    ASSIGN_OR_RETURN(const JsonFields token, as_object(value, decoder.name_of(in_quotes(key))));
    ASSIGN_OR_RETURN(const AddedTokenSpec added, read_added_token(token));
    config.added_tokens_decoder[id] = config.added_tokens_map[added.content] = added;
  }
  return {};
}

// Folders of older versions: special_tokens_map.json overrides tokenizer_config.json.
Status read_special_tokens_map(const JsonFields& file, TokenizerConfig& config) {
  for (const char* attribute : kAttributes) {
    if (!file.has(attribute)) continue;
    ASSIGN_OR_RETURN(SpecialToken special,
                     read_special(file.json().at(attribute), file.name_of(attribute)));
    special.token.special = special.is_object;
    config.special[attribute] = std::move(special);
  }
  if (!file.has(kAdditional)) return {};
  ASSIGN_OR_RETURN(std::vector<SpecialToken> more,
                   read_specials(file.json().at(kAdditional), file.name_of(kAdditional)));
  if (!config.additional) config.additional.emplace();
  for (SpecialToken& special : more) {
    special.token.special = special.is_object;
    const auto same = [&](const SpecialToken& other) {
      return other.is_object == special.is_object && other.token == special.token;
    };
    if (std::none_of(config.additional->begin(), config.additional->end(), same)) {
      config.additional->push_back(std::move(special));
    }
  }
  return {};
}

// {"token": id}: special if it is the text of some special token.
Status read_added_tokens_file(const JsonFields& file, TokenizerConfig& config) {
  std::set<std::string> specials;
  for (const auto& [attribute, special] : config.special) {
    if (special) specials.insert(special->token.content);
  }
  for (const SpecialToken& special : config.additional.value_or(std::vector<SpecialToken>())) {
    specials.insert(special.token.content);
  }
  for (const auto& [content, id] : file.json().items()) {
    ASSIGN_OR_RETURN(const std::uint32_t checked, as_id(id, file.name_of(in_quotes(content))));
    AddedTokenSpec token{.content = content};
    token.special = specials.contains(content);
    token.normalized = !token.special;
    config.added_tokens_decoder[checked] = std::move(token);
  }
  return {};
}

Status read_added_tokens_of_json(const Json& tokenizer_json, TokenizerConfig& config) {
  if (!tokenizer_json.is_object() || !tokenizer_json.contains("added_tokens")) return {};
  for (const Json& json : tokenizer_json.at("added_tokens")) {
    ASSIGN_OR_RETURN(const JsonFields token, as_object(json, "tokenizer.json: added_tokens"));
    if (!token.has("id"))
      return fail(ErrorCode::kInvalidArgument, "{}: is missing", token.name_of("id"));
    ASSIGN_OR_RETURN(const std::uint32_t id, as_id(json.at("id"), token.name_of("id")));
    ASSIGN_OR_RETURN(const AddedTokenSpec added, read_added_token(token));
    config.added_tokens_decoder[id] = config.added_tokens_map[added.content] = added;
  }
  return {};
}

Status read_settings(const JsonFields& file, TokenizerConfig& config) {
  ASSIGN_OR_RETURN(config.do_lower_case, file.flag("do_lower_case", true));
  ASSIGN_OR_RETURN(config.do_basic_tokenize, file.flag("do_basic_tokenize", true));
  if (file.has("strip_accents")) {
    ASSIGN_OR_RETURN(config.strip_accents, file.flag("strip_accents"));
  }
  ASSIGN_OR_RETURN(config.tokenize_chinese_chars, file.flag("tokenize_chinese_chars", true));
  if (file.json().contains("add_prefix_space")) config.add_prefix_space = std::nullopt;
  if (file.has("add_prefix_space")) {
    ASSIGN_OR_RETURN(config.add_prefix_space, file.flag("add_prefix_space"));
  }
  ASSIGN_OR_RETURN(config.trim_offsets, file.flag("trim_offsets", true));
  ASSIGN_OR_RETURN(config.split_special_tokens, file.flag("split_special_tokens", false));
  const char* key = file.has("model_max_length") ? "model_max_length" : "max_len";
  // transformers writes 1e30 where there is no limit.
  ASSIGN_OR_RETURN(const double length, file.real(key, 0));
  if (length >= 1 && length <= 1e9) config.model_max_length = static_cast<std::uint32_t>(length);
  return {};
}

}  // namespace

Result<TokenizerConfig> read_tokenizer_config(const std::filesystem::path& folder,
                                              const Json& tokenizer_json) {
  TokenizerConfig config;
  ASSIGN_OR_RETURN(const Json tokenizer_config, read_optional(folder, kConfig));
  ASSIGN_OR_RETURN(const Json model_config, read_optional(folder, "config.json"));
  ASSIGN_OR_RETURN(config.kind, class_of(tokenizer_config, model_config));
  const JsonFields file{tokenizer_config, kConfig};
  RETURN_IF_ERROR(read_settings(file, config));
  RETURN_IF_ERROR(read_specials_of_config(file, config));
  if (file.has("added_tokens_decoder")) {
    RETURN_IF_ERROR(read_added_tokens_decoder(file, config));
  } else {
    ASSIGN_OR_RETURN(const Json special_map, read_optional(folder, kSpecialMap));
    RETURN_IF_ERROR(read_special_tokens_map({special_map, kSpecialMap}, config));
    ASSIGN_OR_RETURN(const Json added, read_optional(folder, kAdded));
    RETURN_IF_ERROR(read_added_tokens_file({added, kAdded}, config));
    RETURN_IF_ERROR(read_added_tokens_of_json(tokenizer_json, config));
  }
  const JsonFields model{model_config, "config.json"};
  if (model.has("pad_token_id") && model_config.at("pad_token_id").is_number_unsigned()) {
    ASSIGN_OR_RETURN(config.pad_token_id,
                     as_id(model_config.at("pad_token_id"), model.name_of("pad_token_id")));
  }
  return config;
}

}  // namespace onecopy
