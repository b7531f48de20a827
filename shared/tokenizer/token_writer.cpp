#include "shared/tokenizer/token_writer.h"

#include <algorithm>

#include "shared/base/utf8.h"
#include "shared/tokenizer/unicode_tables.h"

namespace onecopy {

namespace {
// U+0120 is what ByteLevel writes for a blank.
bool is_blank(char32_t c) {
  return c == 0x120 || (unicode::kind_of(c).flags & unicode::kSpace) != 0;
}
}  // namespace

Blanks blanks_around(std::string_view text) {
  Blanks blanks;
  for (std::size_t at = 0; at < text.size(); ++blanks.leading) {
    const utf8::Char c = utf8::decode(text, at);
    if (!is_blank(c.code)) break;
    at += c.bytes;
  }
  for (std::size_t end = text.size(); end > 0; ++blanks.trailing) {
    const utf8::Char c = utf8::decode_before(text, end);
    if (!is_blank(c.code)) break;
    end -= c.bytes;
  }
  return blanks;
}

TokenWriter::TokenWriter(const TokenizerTables& tables, Encoding& out)
    : tables_(tables), out_(out) {
  out_.ids.clear();
  out_.offsets.clear();
  out_.words.clear();
  out_.trimmed.clear();
}

void TokenWriter::token(std::uint32_t id, Offset source) {
  const std::int32_t checked = tables_.token_id(id);
  Blanks blanks;
  if (tables_.has(image::kTrimsOffsets)) {
    const image::Edges edges = tables_.edges[static_cast<std::size_t>(checked)];
    blanks = {edges.leading, edges.trailing};
  }
  write(checked, source, blanks);
}

void TokenWriter::added_token(std::uint32_t id, Offset source, std::string_view text) {
  write(tables_.token_id(id), source,
        tables_.has(image::kTrimsOffsets) ? blanks_around(text) : Blanks{});
}

void TokenWriter::write(std::int32_t id, Offset source, Blanks blanks) {
  const std::uint8_t trimmed = trim(source, blanks);
  out_.ids.push_back(id);
  out_.offsets.push_back(source);
  out_.words.push_back(word_);
  if (tables_.has(image::kKeepsPrefixSpace)) out_.trimmed.push_back(trimmed);
}

// What RobertaProcessing does with trim_offsets: with add_prefix_space the first token keeps its
// one blank, which is thought to be the added one, and so does any token that begins at 0.
std::uint8_t TokenWriter::trim(Offset& source, Blanks blanks) const {
  std::uint8_t given_back = 0;
  if (blanks.leading > 0) {
    const bool first = out_.ids.empty() || source.start == 0;
    const bool one = tables_.has(image::kKeepsPrefixSpace) && blanks.leading == 1;
    if (one && !first) given_back = source.end - source.start == 1 && blanks.trailing == 1 ? 2 : 1;
    if (!(one && first)) {
      source.start = static_cast<std::uint32_t>(
          std::min<std::size_t>(source.start + blanks.leading, source.end));
    }
  }
  if (blanks.trailing > 0 && source.end >= blanks.trailing) {
    source.end = std::max(static_cast<std::uint32_t>(source.end - blanks.trailing), source.start);
  }
  return given_back;
}

void TokenWriter::forget_after(std::size_t size) {
  out_.ids.resize(size);
  out_.offsets.resize(size);
  out_.words.resize(size);
  if (out_.trimmed.size() > size) out_.trimmed.resize(size);
}

}  // namespace onecopy
