#include "host/publish/tokenizer/trie_builder.h"

#include <algorithm>
#include <deque>

#include "shared/base/limits.h"

namespace onecopy {

namespace {

using Keys = std::vector<std::pair<std::string_view, std::uint32_t>>;

class Builder {
 public:
  explicit Builder(const Keys& keys) : keys_(keys) {}

  std::vector<image::TrieNode> build() {
    resize(256);
    used_[0] = true;
    std::deque<Work> open = {{0, keys_.size(), 0, 0}};
    while (!open.empty()) {
      place(open.front(), open);
      open.pop_front();
    }
    while (nodes_.size() > 1 && !used_[nodes_.size() - 1]) nodes_.pop_back();
    return std::move(nodes_);
  }

 private:
  // The keys [begin, end) share their first `depth` bytes, which lead to `node`.
  struct Work {
    std::size_t begin, end, depth;
    std::uint32_t node;
  };

  void place(Work work, std::deque<Work>& open) {
    if (work.begin < work.end && keys_[work.begin].first.size() == work.depth) {
      nodes_[work.node].value = keys_[work.begin++].second;
    }
    std::vector<Work> children;  // by byte
    std::vector<std::uint8_t> bytes;
    for (std::size_t i = work.begin; i < work.end; ++i) {
      const auto byte = static_cast<std::uint8_t>(keys_[i].first[work.depth]);
      if (bytes.empty() || bytes.back() != byte) {
        bytes.push_back(byte);
        children.push_back({i, i, work.depth + 1, 0});
      }
      children.back().end = i + 1;
    }
    if (bytes.empty()) return;
    const std::uint32_t base = find_base(bytes);
    nodes_[work.node].base = base;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      children[i].node = base + bytes[i];
      nodes_[children[i].node].parent = work.node;
      used_[children[i].node] = true;
      open.push_back(children[i]);
    }
  }

  // The first place where all children fit, of the next kPlaces; else behind everything. Searches
  // begin where the last one gave up or had passed nearly full nodes only, so building takes about
  // linear time for any keys.
  std::uint32_t find_base(const std::vector<std::uint8_t>& bytes) {
    constexpr std::size_t kPlaces = 1u << 14;
    std::size_t taken = 0;
    const std::size_t first = std::max<std::size_t>(search_from_, std::size_t{bytes.front()} + 1);
    for (std::size_t at = first;; ++at) {
      if (at == first + kPlaces) {
        search_from_ = at;
        at = std::max(at, end_ + 256);
      }
      if (at + 256 >= nodes_.size()) resize(2 * (at + 512));
      if (used_[at]) {
        ++taken;
        continue;
      }
      const std::size_t base = at - bytes.front();
      const bool fits = std::none_of(bytes.begin(), bytes.end(),
                                     [&](std::uint8_t byte) { return used_[base + byte]; });
      if (!fits) continue;
      if (taken * 20 >= (at - first + 1) * 19) search_from_ = std::max(search_from_, at);
      end_ = std::max(end_, base + bytes.back() + 1);
      return static_cast<std::uint32_t>(base);
    }
  }

  void resize(std::size_t size) {
    nodes_.resize(size, {0, image::kNone, image::kNone});
    used_.resize(size, false);
  }

  const Keys& keys_;
  std::vector<image::TrieNode> nodes_;
  std::vector<bool> used_;
  std::size_t search_from_ = 1;
  std::size_t end_ = 1;  // of the nodes that are used
};

}  // namespace

Result<std::vector<image::TrieNode>> build_trie(Keys keys) {
  std::size_t bytes = 0;
  for (const auto& [key, value] : keys) bytes += key.size();
  if (bytes > limits::kTrieBytes) {
    return fail(ErrorCode::kTooLarge,
                "the tokens of the vocabulary are {} bytes together, more than {}", bytes,
                limits::kTrieBytes);
  }
  std::stable_sort(keys.begin(), keys.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  const auto same = [](const auto& a, const auto& b) { return a.first == b.first; };
  keys.erase(std::unique(keys.begin(), keys.end(), same), keys.end());
  return Builder(keys).build();
}

}  // namespace onecopy
