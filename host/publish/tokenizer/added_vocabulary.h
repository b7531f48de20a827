// The added tokens of a tokenizer, with the rules by which Hugging Face's tokenizers adds one to
// another.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "shared/base/status.h"

namespace onecopy {

using Vocabulary = std::unordered_map<std::string, std::uint32_t>;

struct AddedTokenSpec {
  std::string content;
  bool single_word = false;
  bool lstrip = false;
  bool rstrip = false;
  std::optional<bool> normalized = std::nullopt;  // nothing: not special
  bool special = false;

  bool is_normalized() const { return normalized.value_or(!special); }
  bool operator==(const AddedTokenSpec& other) const;
};

// A token as it is searched for. Where one was added twice, how it is searched for (normalized or
// not) is decided by the first, what happens around it (single_word, lstrip, rstrip) by the last.
struct SearchedToken {
  std::string content;
  std::uint32_t id;
  bool normalized;
  const AddedTokenSpec* behaviour;
};

class AddedVocabulary {
 public:
  // Adds tokens; those that the vocabulary doesn't know get the next free ids. kTooLarge over the
  // limits.
  Status add(const std::vector<AddedTokenSpec>& tokens, const Vocabulary& vocabulary);

  std::optional<std::uint32_t> id_of(const std::string& content,
                                     const Vocabulary& vocabulary) const;
  std::set<std::string> contents() const;
  const std::map<std::uint32_t, AddedTokenSpec>& by_id() const { return by_id_; }
  bool is_special(const std::string& content) const { return special_contents_.contains(content); }

  // Special tokens first, each group in the order of adding: of two that look the same the first is
  // found.
  std::vector<SearchedToken> searched() const;

 private:
  std::uint32_t next_id(const Vocabulary& vocabulary) const;

  std::unordered_map<std::string, std::uint32_t> ids_;
  std::map<std::uint32_t, AddedTokenSpec> by_id_;
  std::vector<AddedTokenSpec> special_, classic_;
  std::set<std::string> special_contents_;
};

}  // namespace onecopy
