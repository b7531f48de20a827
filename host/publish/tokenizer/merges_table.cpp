#include "host/publish/tokenizer/merges_table.h"

#include <algorithm>
#include <bit>

#include "shared/base/quoted.h"

namespace onecopy {

namespace {

// Returns how many slots were looked at.
std::uint32_t insert(std::vector<image::Merge>& slots, const image::Merge& merge) {
  const std::size_t mask = slots.size() - 1;
  std::size_t slot = image::merge_slot(merge.left, merge.right, mask);
  std::uint32_t probes = 1;
  while (slots[slot].left != image::kNone &&
         !(slots[slot].left == merge.left && slots[slot].right == merge.right)) {
    slot = (slot + 1) & mask;
    ++probes;
  }
  slots[slot] = merge;
  return probes;
}

}  // namespace

Result<MergesTable> build_merges(const ModelSpec& model) {
  MergesTable table;
  table.slots.resize(std::bit_ceil(2 * model.merges.size() + 2), {image::kNone, 0, 0, 0});
  std::uint32_t rank = 0;
  for (const auto& [left, right] : model.merges) {
    std::uint32_t ids[3];
    const std::string tokens[3] = {left, right, left + right};
    for (std::size_t i = 0; i < 3; ++i) {
      const auto found = model.vocabulary.find(tokens[i]);
      if (found == model.vocabulary.end()) {
        return fail(ErrorCode::kInvalidArgument,
                    "{}: merge {} of {} and {} needs {}, which the vocabulary lacks", model.source,
                    rank, in_quotes(left), in_quotes(right), in_quotes(tokens[i]));
      }
      ids[i] = found->second;
    }
    table.max_probes =
        std::max(table.max_probes, insert(table.slots, {ids[0], ids[1], rank++, ids[2]}));
  }
  // A search ends at the slot behind the longest way.
  table.max_probes += 1;
  return table;
}

}  // namespace onecopy
