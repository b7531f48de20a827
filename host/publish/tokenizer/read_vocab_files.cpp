#include "host/publish/tokenizer/read_vocab_files.h"

#include <algorithm>

#include "host/publish/tokenizer/read_model.h"
#include "host/publish/tokenizer/read_post_processor.h"
#include "host/publish/tokenizer/special_tokens.h"
#include "shared/base/limits.h"
#include "shared/base/small_file.h"
#include "shared/base/utf8.h"
#include "shared/tokenizer/unicode_tables.h"

namespace onecopy {

namespace {

// With line ends made \n, as Python reads text files.
Result<std::string> read_text_file(const std::filesystem::path& path) {
  ASSIGN_OR_RETURN(std::string text, read_small_file(path));
  if (const std::size_t valid = utf8::valid_prefix(text); valid < text.size()) {
    return fail(ErrorCode::kInvalidArgument, "{}: not UTF-8 at byte {}", path.string(), valid);
  }
  std::size_t to = 0;
  for (std::size_t from = 0; from < text.size(); ++from) {
    const bool before_newline = from + 1 < text.size() && text[from + 1] == '\n';
    if (text[from] == '\r' && before_newline) continue;
    text[to++] = text[from] == '\r' ? '\n' : text[from];
  }
  text.resize(to);
  return text;
}

// Calls take(line, number from 0) for each line; what follows the last \n is a line unless it is
// empty.
template <class Take>
Status for_each_line(std::string_view text, Take take) {
  for (std::size_t number = 0; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    RETURN_IF_ERROR(take(text.substr(0, end), number));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return {};
}

// One token a line; of equal lines the last counts.
Result<Vocabulary> read_vocab_txt(const std::filesystem::path& path) {
  ASSIGN_OR_RETURN(const std::string text, read_text_file(path));
  Vocabulary vocabulary;
  RETURN_IF_ERROR(for_each_line(text, [&](std::string_view line, std::size_t number) -> Status {
    if (line.size() > limits::kTokenBytes || number >= limits::kVocabulary) {
      return fail(ErrorCode::kTooLarge, "{}: line {}: at most {} tokens of {} bytes", path.string(),
                  number + 1, limits::kVocabulary, limits::kTokenBytes);
    }
    vocabulary[std::string(line)] = static_cast<std::uint32_t>(number);
    return {};
  }));
  return vocabulary;
}

std::vector<std::string> split_at_blanks(std::string_view line) {
  std::vector<std::string> parts;
  bool inside = false;
  for (std::size_t at = 0; at < line.size();) {
    const utf8::Char c = utf8::decode(line, at);
    // Python's str.split() knows the four separators U+001C to U+001F besides White_Space.
    const bool blank = (unicode::kind_of(c.code).flags & unicode::kSpace) != 0 ||
                       (c.code >= 0x1C && c.code <= 0x1F);
    if (!blank && !inside) parts.emplace_back();
    if (!blank) parts.back().append(line, at, c.bytes);
    inside = !blank;
    at += c.bytes;
  }
  return parts;
}

// The first line is a heading, and what follows the last \n isn't read: also a merge, where the \n
// is missing.
Status read_merges_txt(const std::filesystem::path& path, ModelSpec& model) {
  ASSIGN_OR_RETURN(const std::string text, read_text_file(path));
  const std::size_t end = text.rfind('\n');
  if (end == std::string::npos) return {};
  std::set<std::pair<std::string, std::string>> seen;
  return for_each_line(std::string_view(text).substr(0, end + 1),
                       [&](std::string_view line, std::size_t number) -> Status {
                         if (number == 0) return {};
                         std::vector<std::string> parts = split_at_blanks(line);
                         if (parts.size() != 2) {
                           return fail(ErrorCode::kInvalidArgument,
                                       "{}: line {}: must be two tokens", path.string(),
                                       number + 1);
                         }
                         std::pair merge(std::move(parts[0]), std::move(parts[1]));
                         if (seen.insert(merge).second) model.merges.push_back(std::move(merge));
                         return {};
                       });
}

Result<std::uint32_t> template_id(const TokenizerConfig& config, const TokenizerSpec& spec,
                                  const char* attribute) {
  if (const auto id = slow_special_id(config, spec, attribute)) return *id;
  return fail(ErrorCode::kInvalidArgument,
              "{}: there is no {} for it; name one in tokenizer_config.json", spec.model.source,
              attribute);
}

Result<TokenizerSpec> read_bert(const std::filesystem::path& folder,
                                const TokenizerConfig& config) {
  TokenizerSpec spec;
  spec.model.kind = image::Model::kWordPiece;
  spec.model.source = "vocab.txt";
  ASSIGN_OR_RETURN(spec.model.vocabulary, read_vocab_txt(folder / "vocab.txt"));
  const auto unknown = config.special.find("unk_token");
  spec.model.unknown_token =
      unknown != config.special.end() && unknown->second ? unknown->second->token.content : "[UNK]";
  // Without its basic tokenizer the slow one is converted so; apply_config() sets the rest of the
  // text's normalizer.
  spec.normalizer = config.do_basic_tokenize
                        ? NormalizerSpec{true, config.tokenize_chinese_chars, config.strip_accents,
                                         config.do_lower_case}
                        : NormalizerSpec{true, false, false, false};
  spec.pre_tokenizer = image::PreTokenizer::kBert;
  return spec;
}

Result<TokenizerSpec> read_roberta(const std::filesystem::path& folder,
                                   const TokenizerConfig& config) {
  TokenizerSpec spec;
  spec.model.kind = image::Model::kByteBpe;
  spec.model.source = "vocab.json";
  ASSIGN_OR_RETURN(const Json vocabulary, read_json_file(folder / "vocab.json"));
  ASSIGN_OR_RETURN(spec.model.vocabulary, read_vocabulary(vocabulary, "vocab.json"));
  RETURN_IF_ERROR(read_merges_txt(folder / "merges.txt", spec.model));
  spec.pre_tokenizer = image::PreTokenizer::kByteLevel;
  spec.add_prefix_space = config.add_prefix_space.value_or(false);
  return spec;
}

}  // namespace

Result<TokenizerSpec> read_vocab_files(const std::filesystem::path& folder,
                                       const TokenizerConfig& config) {
  const bool bert = config.kind == TokenizerClass::kBert;
  ASSIGN_OR_RETURN(TokenizerSpec spec,
                   bert ? read_bert(folder, config) : read_roberta(folder, config));
  ASSIGN_OR_RETURN(const std::uint32_t cls, template_id(config, spec, "cls_token"));
  ASSIGN_OR_RETURN(const std::uint32_t sep, template_id(config, spec, "sep_token"));
  spec.post_processor = bert ? bert_template(cls, sep) : roberta_template(cls, sep);
  if (!bert) {
    spec.post_processor.settable = true;
    spec.post_processor.trim_offsets = true;
    spec.post_processor.add_prefix_space = spec.add_prefix_space;
  }
  return spec;
}

}  // namespace onecopy
