#include "worker/encoder/attention.h"

#include <algorithm>
#include <numeric>
#include <type_traits>

#include "worker/encoder/attention_head.h"
#include "worker/kernels/quantize.h"

namespace onecopy::worker {
namespace {

using kernels::Activations;
using kernels::kBlockColumns;
using kernels::Operand;
using kernels::OperandType;

// Queries [begin, end) of a few neighbouring heads of one sequence, counted from its first query.
struct Item {
  std::size_t sequence, head, heads, begin, end;
};

// Cuts the work into items and computes one.
class Cutter {
 private:
  // body(std::type_identity<...Head>)
  template <class Body>
  auto with_kind(const Body& body) const {
    if (attention_.query.type == OperandType::kBf16) return body(std::type_identity<Bf16Head>());
    if (attention_.exact) return body(std::type_identity<F32Head>());
    return body(std::type_identity<I16Head>());
  }

 public:
  Cutter(const Attention& attention, std::size_t threads)
      : attention_(attention),
        together_(heads_together(attention)),
        groups_((attention.heads + together_ - 1) / together_) {
    for (std::size_t s = 0; s < sequences(); ++s) longest_ = std::max(longest_, length(s));
    // Few heads for many threads: each head's queries are split, and its keys packed more than
    // once.
    const std::size_t whole = std::max<std::size_t>(1, sequences() * groups_);
    parts_ = threads == 1 ? 1 : (2 * threads - 1) / whole + 1;
  }

  std::size_t items() const { return sequences() * groups_ * parts_; }
  std::size_t longest() const { return longest_; }
  // A thread's scratch: a head's, and the context before it is quantized.
  std::size_t floats() const { return head_floats() + context_floats(); }

  void compute(std::size_t index, float* memory) const {
    const Item item = item_at(index);
    for (std::size_t i = 0; i < item.heads; ++i) {
      const Head head = head_at(item, item.head + i);
      with_kind([&](auto kind) { attend_head<typename decltype(kind)::type>(head, item, memory); });
    }
    if (attention_.product != nullptr && attention_.product->release != nullptr) {
      attention_.product->release();
    }
    if (attention_.context.type != OperandType::kF32) quantize_context(item, memory);
  }

 private:
  // As many heads as fill whole blocks of 64 columns, those that are quantized together.
  static std::size_t heads_together(const Attention& attention) {
    if (attention.context.type == OperandType::kF32) return 1;
    const std::size_t columns = attention.context.together * kBlockColumns;
    return std::min(attention.heads, std::lcm(attention.head_size, columns) / attention.head_size);
  }

  std::size_t sequences() const { return attention_.starts.size() - 1; }
  std::size_t length(std::size_t s) const {
    return attention_.starts[s + 1] - attention_.starts[s];
  }
  std::size_t queries(std::size_t s) const {
    return attention_.query_starts[s + 1] - attention_.query_starts[s];
  }
  std::size_t head_floats() const {
    return with_kind(
        [&](auto kind) { return decltype(kind)::type::floats(longest_, attention_.head_size); });
  }
  std::size_t group_columns() const { return together_ * attention_.head_size; }
  std::size_t context_rows() const { return (longest_ + parts_ - 1) / parts_; }
  std::size_t context_floats() const {
    if (attention_.context.type == OperandType::kF32) return 0;
    return Activations::floats(context_rows(), group_columns());
  }

  Item item_at(std::size_t index) const {
    const std::size_t part = index % parts_;
    const std::size_t head = index / parts_ % groups_ * together_;
    const std::size_t s = index / parts_ / groups_;
    return {s, head, std::min(together_, attention_.heads - head), queries(s) * part / parts_,
            queries(s) * (part + 1) / parts_};
  }

  Head head_at(const Item& item, std::size_t head) const {
    return {attention_.query,      attention_.key,
            attention_.value,      attention_.starts[item.sequence],
            length(item.sequence), head * attention_.head_size,
            attention_.head_size,  attention_.product};
  }

  // Where row `row` of the item's context goes: its place, or the scratch behind the head's.
  Activations context_at(const Item& item, std::size_t row, float* memory) const {
    if (attention_.context.type == OperandType::kF32) {
      return attention_.context.floats().from_row(attention_.query_starts[item.sequence] + row);
    }
    // A head's column counts from the item's first block.
    Activations scratch = Activations::blocked(memory + head_floats(), context_rows());
    scratch.data -= item.head * attention_.head_size / kBlockColumns * scratch.block_stride;
    return scratch.from_row(row - item.begin);
  }

  template <class AnyHead>
  void attend_head(const Head& head, const Item& item, float* memory) const {
    AnyHead packed(head, memory);
    const std::size_t first = attention_.query_starts[item.sequence];
    constexpr std::size_t kQueries = AnyHead::kQueries;
    for (std::size_t query = item.begin; query < item.end; query += kQueries) {
      packed.attend(first + query, std::min(kQueries, item.end - query),
                    context_at(item, query, memory));
    }
  }

  void quantize_context(const Item& item, float* memory) const {
    const std::size_t first = attention_.query_starts[item.sequence];
    const std::size_t begin = item.head * attention_.head_size;
    const std::size_t end = begin + item.heads * attention_.head_size;
    const std::size_t step = attention_.context.together * kBlockColumns;
    for (std::size_t column = begin; column < end; column += step) {
      Activations x = context_at(item, item.begin, memory);
      x.data += column / kBlockColumns * x.block_stride;
      kernels::quantize(x, std::min(step, end - column), attention_.context, column / kBlockColumns,
                        first + item.begin, first + item.end);
    }
  }

  const Attention& attention_;
  const std::size_t together_;
  const std::size_t groups_;
  std::size_t longest_ = 0;
  std::size_t parts_ = 1;
};

}  // namespace

void attend(const Attention& attention, Workspace& workspace) {
  const Cutter cutter(attention, workspace.pool().granted());
  const std::size_t floats = round_up(cutter.floats(), 16);
  float* const memory = workspace.heads.reserve(workspace.threads() * floats);
  const auto work = [&](std::size_t item, unsigned thread) {
    cutter.compute(item, memory + thread * floats);
  };
  constexpr std::size_t kWorthAThread = 1U << 17;  // multiply-adds; about 10 microseconds
  const std::size_t queries = attention.query_starts.back();
  if (queries * cutter.longest() * attention.heads * attention.head_size < kWorthAThread) {
    for (std::size_t item = 0; item < cutter.items(); ++item) work(item, 0);
  } else {
    workspace.pool().run(cutter.items(), work);
  }
}

}  // namespace onecopy::worker
