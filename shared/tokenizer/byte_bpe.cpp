#include "shared/tokenizer/byte_bpe.h"

#include <algorithm>

namespace onecopy {

void ByteBpe::encode(const AlignedView& word, TokenWriter& out) {
  if (tables_.has(image::kIgnoresMerges)) {
    const Trie::Match whole = tables_.vocabulary.longest(word.bytes);
    if (whole.bytes == word.size()) return out.token(whole.value, word.source(0, word.size()));
  }
  split(word.bytes);
  merge_all();
  if (lost_bytes_) return write_shifted(word, out);
  std::size_t at = 0;
  for (const Symbol& symbol : symbols_) {
    if (symbol.bytes == 0) continue;
    out.token(symbol.id, word.source(at, at + symbol.bytes));
    at += symbol.bytes;
  }
}

void ByteBpe::split(std::string_view word) {
  symbols_.clear();
  lost_bytes_ = false;
  bool after_unknown = false;
  for (const char byte : word) {
    const std::uint32_t id = tables_.byte_ids[static_cast<unsigned char>(byte)];
    const bool unknown = id == image::kNone;
    if (unknown && tables_.header.unknown_id == image::kNone) {
      lost_bytes_ = true;
      continue;
    }
    if (unknown && after_unknown && tables_.has(image::kFusesUnknown)) {
      ++symbols_.back().bytes;
    } else {
      add(unknown ? tables_.header.unknown_id : id, 1);
    }
    after_unknown = unknown;
  }
  if (!symbols_.empty()) symbols_.back().next = image::kNone;
}

void ByteBpe::add(std::uint32_t id, std::uint32_t bytes) {
  const auto index = static_cast<std::uint32_t>(symbols_.size());
  symbols_.push_back({id, bytes, index == 0 ? image::kNone : index - 1, index + 1});
}

// Puts the merge of the symbol at `left` with the next one on the heap, if there is one.
void ByteBpe::propose(std::uint32_t left) {
  const std::uint32_t right = symbols_[left].next;
  if (right == image::kNone) return;
  const image::Merge* merge = tables_.find_merge(symbols_[left].id, symbols_[right].id);
  if (merge == nullptr) return;
  heap_.push_back({merge->rank, left, merge->merged});
  std::push_heap(heap_.begin(), heap_.end());
}

// Each merge adds at most two candidates, so the heap sees fewer than three for each byte. A
// candidate may be out of date when its turn comes; then its pair no longer gives the same token,
// as Hugging Face's merge_all checks.
void ByteBpe::merge_all() {
  heap_.clear();
  for (std::uint32_t i = 0; i < symbols_.size(); ++i) propose(i);
  while (!heap_.empty()) {
    std::pop_heap(heap_.begin(), heap_.end());
    const Candidate top = heap_.back();
    heap_.pop_back();
    Symbol& left = symbols_[top.position];
    if (left.bytes == 0 || left.next == image::kNone) continue;
    Symbol& right = symbols_[left.next];
    const image::Merge* merge = tables_.find_merge(left.id, right.id);
    if (merge == nullptr || merge->merged != top.merged) continue;
    left.id = top.merged;
    left.bytes += right.bytes;
    left.next = right.next;
    right.bytes = 0;
    if (left.next != image::kNone) symbols_[left.next].previous = top.position;
    if (left.previous != image::kNone) propose(left.previous);
    propose(top.position);
  }
}

// Hugging Face counts the tokens' lengths from the start of the word, in the characters that
// ByteLevel writes for bytes (of one or two bytes themselves). Where a byte was left out, the
// tokens after it move to the left.
void ByteBpe::write_shifted(const AlignedView& word, TokenWriter& out) const {
  std::vector<std::size_t> sources,
      lengths;  // of each written byte; of each byte that a symbol has
  for (std::size_t i = 0; i < word.size(); ++i) {
    const auto byte = static_cast<unsigned char>(word.bytes[i]);
    const std::size_t length = byte > 0x20 && byte < 0x7F ? 1 : 2;
    sources.insert(sources.end(), length, i);
    if (tables_.byte_ids[byte] != image::kNone) lengths.push_back(length);
  }
  std::size_t at = 0, next = 0;
  for (const Symbol& symbol : symbols_) {
    if (symbol.bytes == 0) continue;
    const std::size_t begin = at;
    for (std::uint32_t i = 0; i < symbol.bytes; ++i) at += lengths[next++];
    out.token(symbol.id, {word.sources[sources[begin]].start, word.sources[sources[at - 1]].end});
  }
}

}  // namespace onecopy
