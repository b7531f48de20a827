#include "host/publish/tokenizer/added_vocabulary.h"

#include <algorithm>
#include <tuple>

#include "shared/base/limits.h"
#include "shared/base/quoted.h"

namespace onecopy {

bool AddedTokenSpec::operator==(const AddedTokenSpec& other) const {
  const auto all = [](const AddedTokenSpec& t) {
    return std::make_tuple(t.content, t.single_word, t.lstrip, t.rstrip, t.is_normalized(),
                           t.special);
  };
  return all(*this) == all(other);
}

Status AddedVocabulary::add(const std::vector<AddedTokenSpec>& tokens,
                            const Vocabulary& vocabulary) {
  for (const AddedTokenSpec& token : tokens) {
    if (token.content.size() > limits::kAddedTokenBytes) {
      return fail(ErrorCode::kTooLarge, "added token {}: longer than {} bytes",
                  in_quotes(token.content), limits::kAddedTokenBytes);
    }
    if (token.special && !token.content.empty() && special_contents_.insert(token.content).second) {
      special_.push_back(token);
    }
  }
  std::unordered_map<std::string, std::vector<AddedTokenSpec>> existing;
  for (const auto& [id, token] : by_id_) existing[token.content].push_back(token);
  std::uint32_t next = next_id(vocabulary);
  for (const AddedTokenSpec& token : tokens) {
    std::vector<AddedTokenSpec>& same = existing[token.content];
    if (token.content.empty() || std::find(same.begin(), same.end(), token) != same.end()) continue;
    const std::uint32_t id = id_of(token.content, vocabulary).value_or(next);
    if (id == next) ++next;
    ids_[token.content] = id;
    by_id_[id] = token;
    if (!is_special(token.content)) classic_.push_back(token);
    same.push_back(token);
  }
  if (ids_.size() > limits::kAddedTokens) {
    return fail(ErrorCode::kTooLarge, "more than {} added tokens", limits::kAddedTokens);
  }
  return {};
}

std::uint32_t AddedVocabulary::next_id(const Vocabulary& vocabulary) const {
  const auto size = static_cast<std::uint32_t>(vocabulary.size());
  return by_id_.empty() ? size : std::max(size, by_id_.rbegin()->first + 1);
}

std::optional<std::uint32_t> AddedVocabulary::id_of(const std::string& content,
                                                    const Vocabulary& vocabulary) const {
  if (const auto found = ids_.find(content); found != ids_.end()) return found->second;
  if (const auto found = vocabulary.find(content); found != vocabulary.end()) return found->second;
  return std::nullopt;
}

std::set<std::string> AddedVocabulary::contents() const {
  std::set<std::string> contents;
  for (const auto& [id, token] : by_id_) contents.insert(token.content);
  return contents;
}

std::vector<SearchedToken> AddedVocabulary::searched() const {
  std::vector<SearchedToken> tokens;
  for (const auto* group : {&special_, &classic_}) {
    for (const AddedTokenSpec& token : *group) {
      const std::uint32_t id = ids_.at(token.content);
      tokens.push_back({token.content, id, token.is_normalized(), &by_id_.at(id)});
    }
  }
  return tokens;
}

}  // namespace onecopy
