#include "shared/tokenizer/build/apply_config.h"

#include <algorithm>

namespace onecopy {

namespace {

// In the order in which transformers adds them.
constexpr const char* kAttributes[] = {"bos_token", "eos_token", "unk_token", "sep_token",
                                       "pad_token", "cls_token", "mask_token"};

std::optional<std::string> default_of(TokenizerClass kind, std::string_view attribute) {
  const std::map<std::string_view, const char*> bert = {{"unk_token", "[UNK]"},
                                                        {"sep_token", "[SEP]"},
                                                        {"pad_token", "[PAD]"},
                                                        {"cls_token", "[CLS]"},
                                                        {"mask_token", "[MASK]"}};
  const std::map<std::string_view, const char*> roberta = {
      {"bos_token", "<s>"},   {"eos_token", "</s>"},  {"sep_token", "</s>"},   {"cls_token", "<s>"},
      {"unk_token", "<unk>"}, {"pad_token", "<pad>"}, {"mask_token", "<mask>"}};
  if (kind == TokenizerClass::kGeneric) return std::nullopt;
  const auto& defaults = kind == TokenizerClass::kBert ? bert : roberta;
  const auto found = defaults.find(attribute);
  return found == defaults.end() ? std::nullopt : std::optional<std::string>(found->second);
}

// The constructors make an AddedToken of a mask token that is only a string, so that it takes the
// blank before it.
void wrap_mask(TokenizerClass kind, SpecialToken& mask) {
  if (mask.is_object || kind == TokenizerClass::kBert || kind == TokenizerClass::kGeneric) return;
  mask.is_object = true;
  mask.token.lstrip = true;
  if (kind == TokenizerClass::kRoberta) mask.token.normalized = false;
  if (kind == TokenizerClass::kCamembert) mask.token.special = true;
}

std::optional<SpecialToken> special_of(const TokenizerConfig& config, const TokenizerSpec& spec,
                                       const std::string& attribute) {
  const auto given = config.special.find(attribute);
  if (given != config.special.end()) {
    if (!given->second) return std::nullopt;
    for (const auto& [id, token] : config.added_tokens_decoder) {
      if (token.content == given->second->token.content) return SpecialToken{token, true};
    }
    return given->second;
  }
  std::optional<std::string> text = default_of(config.kind, attribute);
  if (!text && attribute == "pad_token") text = spec.padding_token;
  if (!text) return std::nullopt;
  return SpecialToken{{.content = *text}, false};
}

// All special tokens, each text once.
std::vector<SpecialToken> all_specials(const TokenizerConfig& config, bool has_tokenizer_json,
                                       const TokenizerSpec& spec) {
  std::vector<SpecialToken> all;
  std::set<std::string> seen;
  const auto add = [&](SpecialToken special) {
    if (!special.token.content.empty() && seen.insert(special.token.content).second)
      all.push_back(std::move(special));
  };
  for (const char* attribute : kAttributes) {
    std::optional<SpecialToken> special = special_of(config, spec, attribute);
    if (!special) continue;
    if (std::string_view(attribute) == "mask_token") wrap_mask(config.kind, *special);
    // The slow tokenizer's constructor makes AddedTokens of all of them, and copying them fixes
    // `normalized`.
    if (!has_tokenizer_json && config.kind == TokenizerClass::kRoberta) {
      special->is_object = true;
      special->token.normalized = special->token.is_normalized();
    }
    add(std::move(*special));
  }
  if (config.additional) {
    for (const SpecialToken& special : *config.additional) add(special);
  } else if (config.kind == TokenizerClass::kCamembert) {
    for (const char* text : {"<s>NOTUSED", "</s>NOTUSED", "<unk>NOTUSED"})
      add({{.content = text}, false});
  }
  for (const auto& [name, special] : config.extra) add(special);
  return all;
}

// PreTrainedTokenizerFast adds what tokenizer_config.json (or older files) lists once more, and
// then those special tokens that it has not met: a string is met when its text is, an AddedToken
// when all of it is the same.
Status add_tokens(const TokenizerConfig& config, bool has_tokenizer_json, TokenizerSpec& spec) {
  const std::vector<SpecialToken> specials = all_specials(config, has_tokenizer_json, spec);
  std::set<std::string> special_texts;
  for (const SpecialToken& special : specials) special_texts.insert(special.token.content);
  std::vector<AddedTokenSpec> tokens;
  std::set<std::string> met = spec.added.contents();
  for (const auto& [id, token] : config.added_tokens_decoder) {
    tokens.push_back(token);
    met.insert(token.content);
  }
  const std::size_t listed = tokens.size();
  const auto end_of_listed = [&] { return tokens.begin() + static_cast<std::ptrdiff_t>(listed); };
  for (const SpecialToken& special : specials) {
    const bool known = special.is_object ? std::find(tokens.begin(), end_of_listed(),
                                                     special.token) != end_of_listed()
                                         : met.contains(special.token.content);
    if (!known) tokens.push_back(special.token);
  }
  for (AddedTokenSpec& token : tokens)
    token.special = token.special || special_texts.contains(token.content);
  return spec.added.add(tokens, spec.model.vocabulary);
}

void override_settings(const TokenizerConfig& config, TokenizerSpec& spec) {
  if (config.add_prefix_space) spec.add_prefix_space = *config.add_prefix_space;
  if (config.kind == TokenizerClass::kBert && spec.normalizer) {
    spec.normalizer->lowercase = config.do_lower_case;
    spec.normalizer->strip_accents = config.strip_accents;
    spec.normalizer->handle_chinese_chars = config.tokenize_chinese_chars;
  }
  if (config.kind == TokenizerClass::kRoberta && spec.post_processor.settable) {
    if (config.add_prefix_space) spec.post_processor.add_prefix_space = *config.add_prefix_space;
    spec.post_processor.trim_offsets = config.trim_offsets;
  }
  spec.split_special_tokens = config.split_special_tokens;
}

// The template's own where the configuration names none: its first and its last special token.
Result<std::uint32_t> id_or_template(const TokenizerConfig& config, const TokenizerSpec& spec,
                                     const char* attribute, const image::TemplatePiece* piece) {
  if (const auto id = special_id(config, spec, attribute)) return *id;
  if (piece != nullptr && piece->kind == image::Piece::kSpecial) return piece->id;
  return fail(ErrorCode::kInvalidArgument,
              "tokenizer_config.json: {}: is missing or not in the vocabulary", attribute);
}

Status find_special_ids(const TokenizerConfig& config, TokenizerSpec& spec) {
  const auto& pieces = spec.post_processor.single;
  ASSIGN_OR_RETURN(spec.cls_id, id_or_template(config, spec, "cls_token", &pieces.front()));
  ASSIGN_OR_RETURN(spec.sep_id, id_or_template(config, spec, "sep_token", &pieces.back()));
  if (!special_id(config, spec, "pad_token") && config.pad_token_id) {
    spec.pad_id = *config.pad_token_id;
    return {};
  }
  ASSIGN_OR_RETURN(spec.pad_id, id_or_template(config, spec, "pad_token", nullptr));
  return {};
}

}  // namespace

std::optional<std::uint32_t> special_id(const TokenizerConfig& config, const TokenizerSpec& spec,
                                        const char* attribute) {
  for (const char* name :
       {attribute, "unk_token"}) {  // what isn't in the vocabulary has the unknown token's id
    const std::optional<SpecialToken> special = special_of(config, spec, name);
    if (!special) return std::nullopt;
    if (const auto id = spec.added.id_of(special->token.content, spec.model.vocabulary)) return id;
  }
  return std::nullopt;
}

Status apply_config(const TokenizerConfig& config, bool has_tokenizer_json, TokenizerSpec& spec) {
  RETURN_IF_ERROR(add_tokens(config, has_tokenizer_json, spec));
  override_settings(config, spec);
  return find_special_ids(config, spec);
}

}  // namespace onecopy
