// A set of byte strings with values, as a double array that lies in the image.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "shared/tokenizer/tokenizer_image.h"

namespace onecopy {

// Borrows the nodes. Safe on any bytes: every index is checked, and a walk takes one step per byte
// of text.
class Trie {
 public:
  Trie() = default;
  explicit Trie(std::span<const image::TrieNode> nodes) : nodes_(nodes) {}

  bool empty() const { return nodes_.size() <= 1; }

  // The node that `byte` leads to from `node`, or image::kNone.
  std::uint32_t child(std::uint32_t node, char byte) const {
    const std::size_t next = std::size_t{nodes_[node].base} + static_cast<unsigned char>(byte);
    return next < nodes_.size() && nodes_[next].parent == node ? static_cast<std::uint32_t>(next)
                                                               : image::kNone;
  }
  std::uint32_t value(std::uint32_t node) const { return nodes_[node].value; }

  struct Match {
    std::uint32_t value = image::kNone;  // kNone: no key of at least one byte begins here
    std::size_t bytes = 0;
  };
  // The longest key at the start of `text`, beginning at `node`, which must be within the nodes.
  Match longest(std::string_view text, std::uint32_t node = 0) const {
    Match match;
    for (std::size_t i = 0; i < text.size(); ++i) {
      node = child(node, text[i]);
      if (node == image::kNone) break;
      if (nodes_[node].value != image::kNone) match = {nodes_[node].value, i + 1};
    }
    return match;
  }

 private:
  std::span<const image::TrieNode> nodes_;
};

}  // namespace onecopy
