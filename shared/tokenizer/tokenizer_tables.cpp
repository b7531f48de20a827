#include "shared/tokenizer/tokenizer_tables.h"

#include <bit>
#include <cstring>

#include "shared/base/limits.h"

namespace onecopy {

namespace {

tl::unexpected<Error> corrupt(std::string_view what) {
  return fail(ErrorCode::kCorrupt, "tokenizer image: {}; load the model again", what);
}

template <class T>
Status view(std::span<const std::byte> image, const image::Section& section, std::string_view name,
            std::span<const T>& out) {
  if (section.offset % image::kAlignment != 0 || section.offset > image.size() ||
      section.count > (image.size() - section.offset) / sizeof(T)) {
    return corrupt(fmt::format("section {} lies outside of it", name));
  }
  out = {reinterpret_cast<const T*>(image.data() + section.offset),
         static_cast<std::size_t>(section.count)};
  return {};
}

Status view_trie(std::span<const std::byte> image, const image::Section& section,
                 std::string_view name, Trie& out) {
  std::span<const image::TrieNode> nodes;
  RETURN_IF_ERROR(view(image, section, name, nodes));
  if (nodes.empty()) return corrupt(fmt::format("section {} has no root", name));
  out = Trie(nodes);
  return {};
}

Status check_template(std::span<const image::TemplatePiece> pieces, std::size_t texts,
                      std::uint32_t vocab_size) {
  if (pieces.size() > limits::kTemplatePieces) return corrupt("a template too long");
  std::size_t seen[2] = {0, 0};
  for (const image::TemplatePiece& piece : pieces) {
    if (piece.kind > image::Piece::kSpecial) return corrupt("unknown kind of template piece");
    if (piece.type_id > limits::kMaxTypeId) return corrupt("type id of the template out of range");
    if (piece.kind == image::Piece::kSpecial) {
      if (piece.id >= vocab_size) return corrupt("id of the template out of range");
    } else {
      ++seen[static_cast<std::size_t>(piece.kind)];
    }
  }
  if (seen[0] != 1 || seen[1] != texts - 1) return corrupt("a template without its texts");
  return {};
}

Result<image::Header> read_header(std::span<const std::byte> image) {
  image::Header header;
  if (image.size() < sizeof(header)) return corrupt("shorter than its header");
  if (reinterpret_cast<std::uintptr_t>(image.data()) % image::kAlignment != 0)
    return corrupt("not aligned");
  std::memcpy(&header, image.data(), sizeof(header));
  if (std::memcmp(header.magic, image::kMagic, sizeof(header.magic)) != 0)
    return corrupt("wrong magic");
  if (header.header_bytes != sizeof(header)) return corrupt("written by another version");
  if (header.image_bytes != image.size()) return corrupt("not of the size that it states");
  if (header.model != image::Model::kWordPiece && header.model != image::Model::kByteBpe) {
    return corrupt("unknown model");
  }
  if (header.pre_tokenizer > image::PreTokenizer::kByteLevel)
    return corrupt("unknown pre-tokenizer");
  if (header.vocab_size == 0 || header.vocab_size > limits::kVocabulary)
    return corrupt("vocabulary size");
  for (const std::uint32_t id : {header.cls_id, header.sep_id, header.pad_id}) {
    if (id >= header.vocab_size) return corrupt("special id out of range");
  }
  return header;
}

}  // namespace

Result<TokenizerTables> TokenizerTables::from_image(std::span<const std::byte> image) {
  TokenizerTables t;
  ASSIGN_OR_RETURN(t.header, read_header(image));
  const image::Header& h = t.header;
  RETURN_IF_ERROR(view_trie(image, h.vocabulary, "vocabulary", t.vocabulary));
  RETURN_IF_ERROR(view_trie(image, h.raw_tokens, "raw_tokens", t.raw_tokens));
  RETURN_IF_ERROR(view_trie(image, h.normalized_tokens, "normalized_tokens", t.normalized_tokens));
  RETURN_IF_ERROR(view(image, h.added_tokens, "added_tokens", t.added_tokens));
  RETURN_IF_ERROR(view(image, h.byte_ids, "byte_ids", t.byte_ids));
  RETURN_IF_ERROR(view(image, h.merges, "merges", t.merges));
  RETURN_IF_ERROR(view(image, h.edges, "edges", t.edges));
  RETURN_IF_ERROR(view(image, h.single_template, "single_template", t.single_template));
  RETURN_IF_ERROR(view(image, h.pair_template, "pair_template", t.pair_template));
  if (h.model == image::Model::kByteBpe && t.byte_ids.size() != 256)
    return corrupt("byte_ids are not 256");
  if (h.model == image::Model::kByteBpe && !std::has_single_bit(t.merges.size()))
    return corrupt("merges are not 2^n");
  if (h.max_probes > t.merges.size()) return corrupt("more probes than merges");
  if (h.continuation_node != image::kNone && h.continuation_node >= h.vocabulary.count) {
    return corrupt("continuation node out of range");
  }
  if (t.has(image::kTrimsOffsets) && t.edges.size() != h.vocab_size)
    return corrupt("edges are not one for each id");
  RETURN_IF_ERROR(check_template(t.single_template, 1, h.vocab_size));
  RETURN_IF_ERROR(check_template(t.pair_template, 2, h.vocab_size));
  return t;
}

const image::Merge* TokenizerTables::find_merge(std::uint32_t left, std::uint32_t right) const {
  const std::size_t mask = merges.size() - 1;
  std::size_t slot = image::merge_slot(left, right, mask);
  for (std::uint32_t probe = 0; probe < header.max_probes; ++probe, slot = (slot + 1) & mask) {
    const image::Merge& merge = merges[slot];
    if (merge.left == left && merge.right == right) return &merge;
    if (merge.left == image::kNone) break;
  }
  return nullptr;
}

}  // namespace onecopy
