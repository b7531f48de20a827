// Byte-level BPE: a word's bytes, merged pair by pair in the order of the merges' ranks.
#pragma once

#include <cstdint>
#include <vector>

#include "shared/tokenizer/aligned_text.h"
#include "shared/tokenizer/token_writer.h"

namespace onecopy {

// Keeps its buffers from word to word. Borrows the tables. Not thread-safe.
class ByteBpe {
 public:
  explicit ByteBpe(const TokenizerTables& tables) : tables_(tables) {}

  // Writes the tokens of `word`, which isn't empty. n log n in its bytes.
  void encode(const AlignedView& word, TokenWriter& out);

 private:
  struct Symbol {
    std::uint32_t id;
    std::uint32_t bytes;  // of the word; 0 once merged into the symbol before it
    std::uint32_t previous, next;
  };
  struct Candidate {
    std::uint32_t rank, position, merged;
    bool operator<(const Candidate& other)
        const {  // the heap's top is the lowest rank, of equal ones the leftmost
      return rank != other.rank ? rank > other.rank : position > other.position;
    }
  };

  void split(std::string_view word);
  void add(std::uint32_t id, std::uint32_t bytes);
  void propose(std::uint32_t left);
  void merge_all();
  void write_shifted(const AlignedView& word, TokenWriter& out) const;

  const TokenizerTables& tables_;
  std::vector<Symbol> symbols_;
  std::vector<Candidate> heap_;
  bool lost_bytes_ =
      false;  // some byte of the word is neither in the vocabulary nor is there an unknown token
};

}  // namespace onecopy
