#include "host/publish/tokenizer/compile_image.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <deque>
#include <span>

#include "host/publish/tokenizer/merges_table.h"
#include "host/publish/tokenizer/trie_builder.h"
#include "shared/base/limits.h"
#include "shared/base/quoted.h"
#include "shared/base/utf8.h"
#include "shared/tokenizer/normalizer.h"
#include "shared/tokenizer/token_writer.h"
#include "shared/tokenizer/trie.h"

namespace onecopy {

namespace {

using Keys = std::vector<std::pair<std::string_view, std::uint32_t>>;

// Collects the sections behind the header, each on a multiple of kAlignment.
class ImageWriter {
 public:
  ImageWriter() : bytes_(sizeof(image::Header)) {}

  template <class T>
  image::Section add(const std::vector<T>& elements) {
    bytes_.resize((bytes_.size() + image::kAlignment - 1) / image::kAlignment * image::kAlignment);
    const image::Section section{bytes_.size(), elements.size()};
    const auto* first = reinterpret_cast<const std::byte*>(elements.data());
    bytes_.insert(bytes_.end(), first, first + elements.size() * sizeof(T));
    return section;
  }
  std::vector<std::byte> finish(image::Header header) {
    header.image_bytes = bytes_.size();
    std::memcpy(bytes_.data(), &header, sizeof(header));
    return std::move(bytes_);
  }

 private:
  std::vector<std::byte> bytes_;
};

// The character that ByteLevel writes for each byte: itself if it can be seen, else one from U+0100
// on.
std::array<char32_t, 256> byte_characters() {
  std::array<char32_t, 256> characters{};
  char32_t next = 256;
  for (char32_t byte = 0; byte < 256; ++byte) {
    const bool visible = (byte > 0x20 && byte < 0x7F) || (byte > 0xA0 && byte != 0xAD);
    characters[byte] = visible ? byte : next++;
  }
  return characters;
}

std::vector<std::uint32_t> byte_ids(const Vocabulary& vocabulary) {
  std::vector<std::uint32_t> ids;
  for (const char32_t c : byte_characters()) {
    std::string text;
    utf8::append(text, c);
    const auto found = vocabulary.find(text);
    ids.push_back(found == vocabulary.end() ? image::kNone : found->second);
  }
  return ids;
}

// The bytes that a token of ByteLevel's characters stands for; nothing where it has others.
std::optional<std::string> bytes_of(std::string_view token) {
  static const std::array<char32_t, 256> characters = byte_characters();
  std::string bytes;
  for (std::size_t at = 0; at < token.size();) {
    const utf8::Char c = utf8::decode(token, at);
    const auto found = std::find(characters.begin(), characters.end(), c.code);
    if (found == characters.end()) return std::nullopt;
    bytes.push_back(static_cast<char>(found - characters.begin()));
    at += c.bytes;
  }
  return bytes;
}

// WordPiece searches its tokens; BPE with ignore_merges searches the words that are tokens; BPE
// else nothing.
Result<std::vector<image::TrieNode>> vocabulary_trie(const ModelSpec& model) {
  std::deque<std::string> kept;
  Keys keys;
  const bool bytes = model.kind == image::Model::kByteBpe;
  for (const auto& [token, id] : model.vocabulary) {
    if (!bytes) keys.emplace_back(token, id);
    if (!bytes || !model.ignore_merges) continue;
    if (auto text = bytes_of(token)) keys.emplace_back(kept.emplace_back(std::move(*text)), id);
  }
  return build_trie(std::move(keys));
}

std::uint32_t node_after(const std::vector<image::TrieNode>& nodes, std::string_view prefix) {
  const Trie trie(nodes);
  std::uint32_t node = 0;
  for (const char byte : prefix) {
    if (node == image::kNone) break;
    node = trie.child(node, byte);
  }
  return node;
}

std::uint32_t flags_of(const AddedTokenSpec& token, const TokenizerSpec& spec) {
  const bool ignored = spec.split_special_tokens && spec.added.is_special(token.content);
  return (token.single_word ? image::kSingleWord : 0) | (token.lstrip ? image::kLeftStrip : 0) |
         (token.rstrip ? image::kRightStrip : 0) | (ignored ? image::kIgnored : 0);
}

std::string normalize_added(const std::string& text, const TokenizerSpec& spec) {
  AlignedText normalized;
  Normalizer(spec.added_normalizer ? spec.added_normalizer->flags() : 0)
      .normalize(text, 0, normalized);
  return normalized.bytes;
}

Status add_added_tokens(const TokenizerSpec& spec, ImageWriter& writer, image::Header& header) {
  std::vector<image::AddedToken> tokens;
  std::deque<std::string> kept;
  Keys raw, normalized;
  for (const SearchedToken& token : spec.added.searched()) {
    const std::string& text =
        kept.emplace_back(token.normalized ? normalize_added(token.content, spec) : token.content);
    if (text.empty()) {
      return fail(ErrorCode::kUnsupported,
                  "added token {}: nothing is left of it after normalizing", token.id);
    }
    (token.normalized ? normalized : raw)
        .emplace_back(text, static_cast<std::uint32_t>(tokens.size()));
    tokens.push_back({token.id, flags_of(*token.behaviour, spec)});
  }
  ASSIGN_OR_RETURN(const auto raw_nodes, build_trie(std::move(raw)));
  ASSIGN_OR_RETURN(const auto normalized_nodes, build_trie(std::move(normalized)));
  header.added_tokens = writer.add(tokens);
  header.raw_tokens = writer.add(raw_nodes);
  header.normalized_tokens = writer.add(normalized_nodes);
  return {};
}

std::uint32_t vocab_size(const TokenizerSpec& spec) {
  std::uint32_t largest = std::max({spec.cls_id, spec.sep_id, spec.pad_id});
  for (const auto& [token, id] : spec.model.vocabulary) largest = std::max(largest, id);
  if (!spec.added.by_id().empty()) largest = std::max(largest, spec.added.by_id().rbegin()->first);
  for (const auto* pieces : {&spec.post_processor.single, &spec.post_processor.pair}) {
    for (const image::TemplatePiece& piece : *pieces) largest = std::max(largest, piece.id);
  }
  return largest + 1;
}

std::vector<image::Edges> edges_of(const TokenizerSpec& spec, std::uint32_t size) {
  std::vector<image::Edges> edges(size, {0, 0});
  for (const auto& [token, id] : spec.model.vocabulary) {
    const Blanks blanks = blanks_around(token);
    edges[id] = {static_cast<std::uint16_t>(blanks.leading),
                 static_cast<std::uint16_t>(blanks.trailing)};
  }
  return edges;
}

Result<std::uint32_t> unknown_id(const ModelSpec& model) {
  if (!model.unknown_token) return image::kNone;
  const auto found = model.vocabulary.find(*model.unknown_token);
  if (found != model.vocabulary.end()) return found->second;
  if (model.kind == image::Model::kByteBpe) {
    const std::vector<std::uint32_t> ids = byte_ids(model.vocabulary);
    if (std::find(ids.begin(), ids.end(), image::kNone) == ids.end())
      return image::kNone;  // never needed
  }
  return fail(ErrorCode::kInvalidArgument, "{}: the vocabulary lacks the unknown token {}",
              model.source, in_quotes(*model.unknown_token));
}

std::uint32_t header_flags(const TokenizerSpec& spec) {
  const PostProcessorSpec& post = spec.post_processor;
  return (spec.normalizer ? spec.normalizer->flags() : 0) |
         (spec.add_prefix_space ? image::kAddsPrefixSpace : 0) |
         (spec.use_regex ? image::kSplitsByPattern : 0) |
         (spec.model.fuse_unknown ? image::kFusesUnknown : 0) |
         (spec.model.ignore_merges ? image::kIgnoresMerges : 0) |
         (post.trim_offsets ? image::kTrimsOffsets : 0) |
         (post.trim_offsets && post.add_prefix_space ? image::kKeepsPrefixSpace : 0);
}

Status add_model(const TokenizerSpec& spec, ImageWriter& writer, image::Header& header) {
  const ModelSpec& model = spec.model;
  ASSIGN_OR_RETURN(header.unknown_id, unknown_id(model));
  ASSIGN_OR_RETURN(const auto nodes, vocabulary_trie(model));
  header.vocabulary = writer.add(nodes);
  header.continuation_node = node_after(nodes, model.continuing_prefix);
  if (model.kind == image::Model::kWordPiece) return {};
  ASSIGN_OR_RETURN(const MergesTable merges, build_merges(model));
  header.merges = writer.add(merges.slots);
  header.max_probes =
      std::min<std::uint32_t>(merges.max_probes, static_cast<std::uint32_t>(merges.slots.size()));
  header.byte_ids = writer.add(byte_ids(model.vocabulary));
  return {};
}

}  // namespace

std::uint32_t NormalizerSpec::flags() const {
  return image::kNormalizes | (clean_text ? image::kCleans : 0) |
         (handle_chinese_chars ? image::kSpacesChinese : 0) |
         (strip_accents.value_or(lowercase) ? image::kStripsAccents : 0) |
         (lowercase ? image::kLowerCases : 0);
}

Result<std::vector<std::byte>> compile_image(const TokenizerSpec& spec) {
  ImageWriter writer;
  image::Header header{};
  std::copy(std::begin(image::kMagic), std::end(image::kMagic), header.magic);
  header.header_bytes = sizeof(header);
  header.flags = header_flags(spec);
  header.model = spec.model.kind;
  header.pre_tokenizer = spec.pre_tokenizer;
  header.max_word_chars = spec.model.max_word_chars;
  header.vocab_size = vocab_size(spec);
  header.cls_id = spec.cls_id;
  header.sep_id = spec.sep_id;
  header.pad_id = spec.pad_id;
  if (header.vocab_size > limits::kVocabulary) {
    return fail(ErrorCode::kTooLarge, "vocabulary of {} ids: at most {}", header.vocab_size,
                limits::kVocabulary);
  }
  RETURN_IF_ERROR(add_model(spec, writer, header));
  RETURN_IF_ERROR(add_added_tokens(spec, writer, header));
  if (spec.post_processor.trim_offsets)
    header.edges = writer.add(edges_of(spec, header.vocab_size));
  header.single_template = writer.add(spec.post_processor.single);
  header.pair_template = writer.add(spec.post_processor.pair);
  return writer.finish(header);
}

}  // namespace onecopy
