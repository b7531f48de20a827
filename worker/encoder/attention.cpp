#include "worker/encoder/attention.h"

#include <algorithm>
#include <cmath>

#include "shared/packed_weight.h"
#include "worker/kernels/block_product.h"
#include "worker/kernels/row_kernels.h"

namespace onecopy::worker {
namespace {

using kernels::Activations;
using kernels::BlockArgs;
using kernels::kBlockColumns;
using kernels::kProductDepth;

constexpr std::size_t kQueries = 48;  // rows of scores at a time: 48 x 512 floats are 96 KB
constexpr std::size_t kPanel = kPanelWidth;

// One head of one sequence: tokens [first, first + length), columns [column, column + size).
struct Head {
  std::size_t first, length, column, size;
};

// A thread's scratch, and where things lie in it.
struct Scratch {
  float* keys;    // ceil(length / 64) panels [size][64], scaled: the right side of Q K^T
  float* scores;  // [kQueries][stride]
  std::size_t stride;

  // 16 floats more than a multiple of 64, so that rows do not share the same few sets of the L1
  // cache.
  static std::size_t score_stride(std::size_t length) {
    return (length + kPanel - 1) / kPanel * kPanel + 16;
  }
  static std::size_t floats(std::size_t length, std::size_t size) {
    return score_stride(length) * (size + kQueries);
  }
  Scratch(float* memory, std::size_t length, std::size_t size)
      : keys(memory), scores(keys + score_stride(length) * size), stride(score_stride(length)) {}
};

// body(column of the head, count) for the stretches of the head's columns that are contiguous in a
// row: one where heads do not cross a block's end.
template <class Body>
void for_stretches(const Head& head, const Body& body) {
  for (std::size_t done = 0; done < head.size;) {
    const std::size_t room = kBlockColumns - (head.column + done) % kBlockColumns;
    const std::size_t count = std::min(room, head.size - done);
    body(done, count);
    done += count;
  }
}

// The softmax's 1 / sqrt(size) goes into the keys: there are fewer of them than of scores.
void pack_keys(const Activations& key, const Head& head, float* out) {
  const float scale = 1 / std::sqrt(static_cast<float>(head.size));
  for_stretches(head, [&](std::size_t column, std::size_t count) {
    for (std::size_t first = 0; first < head.length; first += kPanel) {
      float* panel = out + first * head.size + column * kPanel;
      kernels::transpose(key.at(head.first + first, head.column + column), key.row_stride,
                         std::min(kPanel, head.length - first), count, scale, panel, kPanel);
    }
  });
}

// Queries and values are read where they lie; a head that crosses a block's end in two stretches.
void multiply_scores(const Attention& attention, const Head& head, const Scratch& scratch,
                     std::size_t query, std::size_t rows) {
  for_stretches(head, [&](std::size_t column, std::size_t count) {
    for (std::size_t first = 0; first < head.length; first += kPanel) {
      kernels::any_shape_product().multiply(
          {.m = rows,
           .n = std::min(kPanel, head.length - first),
           .k = count,
           .a = attention.query.at(query, head.column + column),
           .lda = attention.query.row_stride,
           .b = scratch.keys + first * head.size + column * kPanel,
           .ldb = kPanel,
           .c = scratch.scores + first,
           .ldc = scratch.stride,
           .add = column > 0});
    }
  });
}

void multiply_values(const Attention& attention, const Head& head, const Scratch& scratch,
                     std::size_t query, std::size_t rows) {
  for_stretches(head, [&](std::size_t column, std::size_t count) {
    for (std::size_t k = 0; k < head.length; k += kProductDepth) {
      kernels::any_shape_product().multiply(
          {.m = rows,
           .n = count,
           .k = std::min(kProductDepth, head.length - k),
           .a = scratch.scores + k,
           .lda = scratch.stride,
           .b = attention.value.at(head.first + k, head.column + column),
           .ldb = attention.value.row_stride,
           .c = attention.context.at(query, head.column + column),
           .ldc = attention.context.row_stride,
           .add = k > 0});
    }
  });
}

// Rows [query, query + rows) of the head's context.
void attend_queries(const Attention& attention, const Head& head, const Scratch& scratch,
                    std::size_t query, std::size_t rows) {
  multiply_scores(attention, head, scratch, query, rows);
  float inverse_sums[kQueries];
  kernels::exp_rows({scratch.scores, scratch.stride, rows, head.length}, inverse_sums);
  multiply_values(attention, head, scratch, query, rows);
  // The softmax's division, on head_size numbers instead of one for each key.
  for_stretches(head, [&](std::size_t column, std::size_t count) {
    kernels::scale_rows({attention.context.at(query, head.column + column),
                         attention.context.row_stride, rows, count},
                        inverse_sums);
  });
}

// Queries [begin, end) of one head, counted from the sequence's first token.
void attend_head(const Attention& attention, const Head& head, std::size_t begin, std::size_t end,
                 float* memory) {
  const Scratch scratch(memory, head.length, head.size);
  pack_keys(attention.key, head, scratch.keys);
  for (std::size_t query = begin; query < end; query += kQueries) {
    attend_queries(attention, head, scratch, head.first + query, std::min(kQueries, end - query));
  }
}

}  // namespace

void attend(const Attention& attention, Workspace& workspace) {
  const std::size_t sequences = attention.starts.size() - 1;
  std::size_t longest = 0;
  for (std::size_t s = 0; s < sequences; ++s) {
    longest = std::max<std::size_t>(longest, attention.starts[s + 1] - attention.starts[s]);
  }
  const std::size_t floats = Scratch::floats(longest, attention.head_size);
  float* memory = workspace.heads.reserve(workspace.threads() * floats);

  // Few heads for many threads: each head's queries are split, and its keys packed more than once.
  const std::size_t heads = sequences * attention.heads;
  const std::size_t threads = workspace.pool().granted();
  const std::size_t parts =
      threads == 1 ? 1 : (2 * threads - 1) / std::max<std::size_t>(1, heads) + 1;
  const auto work = [&](std::size_t item, unsigned thread) {
    const std::size_t part = item % parts;
    const std::size_t index = item / parts;
    const std::uint32_t first = attention.starts[index / attention.heads];
    const std::size_t length = attention.starts[index / attention.heads + 1] - first;
    const Head head{first, length, index % attention.heads * attention.head_size,
                    attention.head_size};
    attend_head(attention, head, length * part / parts, length * (part + 1) / parts,
                memory + thread * floats);
  };
  constexpr std::size_t kWorthAThread = 1U << 17;  // multiply-adds; about 10 microseconds
  const std::size_t tokens = attention.starts.back();
  if (tokens * longest * attention.heads * attention.head_size < kWorthAThread) {
    for (std::size_t item = 0; item < heads * parts; ++item) work(item, 0);
  } else {
    workspace.pool().run(heads * parts, work);
  }
}

}  // namespace onecopy::worker
