#include "host/publish/tokenizer/apply_config.h"

#include <algorithm>
#include <set>

#include "host/publish/tokenizer/special_tokens.h"

namespace onecopy {

namespace {

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
  spec.added_normalizer = spec.normalizer;
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

Status apply_config(const TokenizerConfig& config, bool has_tokenizer_json, TokenizerSpec& spec) {
  RETURN_IF_ERROR(add_tokens(config, has_tokenizer_json, spec));
  override_settings(config, spec);
  return find_special_ids(config, spec);
}

}  // namespace onecopy
