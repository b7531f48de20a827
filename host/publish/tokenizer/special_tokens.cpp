#include "host/publish/tokenizer/special_tokens.h"

#include <algorithm>
#include <set>

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
    const auto listed = config.added_tokens_map.find(given->second->token.content);
    if (listed != config.added_tokens_map.end()) return SpecialToken{listed->second, true};
    return given->second;
  }
  std::optional<std::string> text = default_of(config.kind, attribute);
  if (!text && attribute == "pad_token") text = spec.padding_token;
  if (!text) return std::nullopt;
  return SpecialToken{{.content = *text}, false};
}

}  // namespace

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

std::optional<std::uint32_t> slow_special_id(const TokenizerConfig& config,
                                             const TokenizerSpec& spec, const char* attribute) {
  const std::optional<SpecialToken> wanted = special_of(config, spec, attribute);
  if (!wanted) return std::nullopt;
  std::map<std::string, std::uint32_t> added;
  for (const auto& [id, token] : config.added_tokens_decoder) added[token.content] = id;
  const Vocabulary& vocabulary = spec.model.vocabulary;
  const auto is_new = [&](const auto& entry) { return !vocabulary.contains(entry.first); };
  auto next = static_cast<std::uint32_t>(vocabulary.size()) +
              static_cast<std::uint32_t>(std::count_if(added.begin(), added.end(), is_new));
  for (const SpecialToken& special : all_specials(config, false, spec)) {
    const std::string& text = special.token.content;
    if (!vocabulary.contains(text) && added.emplace(text, next).second) ++next;
  }
  const auto found = added.find(wanted->token.content);
  return found != added.end() ? found->second : vocabulary.at(wanted->token.content);
}

}  // namespace onecopy
