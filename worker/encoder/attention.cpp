#include "worker/encoder/attention.h"

#include <algorithm>
#include <cmath>
#include <cstring>

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
  float* keys;     // ceil(length / 64) panels [size][64]: the right side of Q K^T
  float* values;   // [length][size]
  float* queries;  // [kQueries][size], scaled
  float* scores;   // [kQueries][stride]
  std::size_t stride;

  // 16 floats more than a multiple of 64, so that rows do not share the same few sets of the L1
  // cache.
  static std::size_t score_stride(std::size_t length) {
    return (length + kPanel - 1) / kPanel * kPanel + 16;
  }
  static std::size_t floats(std::size_t length, std::size_t size) {
    return 2 * score_stride(length) * size + kQueries * (size + 15) / 16 * 16 +
           kQueries * score_stride(length) + 64;
  }
  Scratch(float* memory, std::size_t length, std::size_t size)
      : keys(memory),
        values(keys + score_stride(length) * size),
        queries(values + score_stride(length) * size),
        scores(queries + kQueries * (size + 15) / 16 * 16),
        stride(score_stride(length)) {}
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

// out[row][size] = x's rows [first, first + rows) of the head's columns.
void gather(const Activations& x, const Head& head, std::size_t first, std::size_t rows,
            float* out) {
  for_stretches(head, [&](std::size_t column, std::size_t count) {
    for (std::size_t row = 0; row < rows; ++row) {
      std::memcpy(out + row * head.size + column, x.at(first + row, head.column + column),
                  count * sizeof(float));
    }
  });
}

void pack_keys(const Activations& key, const Head& head, float* out) {
  for_stretches(head, [&](std::size_t column, std::size_t count) {
    for (std::size_t first = 0; first < head.length; first += kPanel) {
      float* panel = out + first * head.size + column * kPanel;
      kernels::transpose(key.at(head.first + first, head.column + column), key.row_stride,
                         std::min(kPanel, head.length - first), count, panel, kPanel);
    }
  });
}

void multiply_scores(const Head& head, const Scratch& scratch, std::size_t rows) {
  for (std::size_t first = 0; first < head.length; first += kPanel) {
    kernels::any_shape_product().multiply({.m = rows,
                                           .n = std::min(kPanel, head.length - first),
                                           .k = head.size,
                                           .a = scratch.queries,
                                           .lda = head.size,
                                           .b = scratch.keys + first * head.size,
                                           .ldb = kPanel,
                                           .c = scratch.scores + first,
                                           .ldc = scratch.stride});
  }
}

void multiply_values(const Head& head, const Scratch& scratch, std::size_t query, std::size_t rows,
                     const Activations& context) {
  for_stretches(head, [&](std::size_t column, std::size_t count) {
    for (std::size_t k = 0; k < head.length; k += kProductDepth) {
      kernels::any_shape_product().multiply({.m = rows,
                                             .n = count,
                                             .k = std::min(kProductDepth, head.length - k),
                                             .a = scratch.scores + k,
                                             .lda = scratch.stride,
                                             .b = scratch.values + k * head.size + column,
                                             .ldb = head.size,
                                             .c = context.at(query, head.column + column),
                                             .ldc = context.row_stride,
                                             .add = k > 0});
    }
  });
}

// Rows [query, query + rows) of the head's context.
void attend_queries(const Attention& attention, const Head& head, const Scratch& scratch,
                    std::size_t query, std::size_t rows) {
  gather(attention.query, head, query, rows, scratch.queries);
  kernels::scale_row(scratch.queries, 1 / std::sqrt(static_cast<float>(head.size)),
                     rows * head.size);
  multiply_scores(head, scratch, rows);
  float inverse_sums[kQueries];
  for (std::size_t row = 0; row < rows; ++row) {
    inverse_sums[row] = kernels::exp_row(scratch.scores + row * scratch.stride, head.length);
  }
  multiply_values(head, scratch, query, rows, attention.context);
  // The softmax's division, on head_size numbers instead of one for each key.
  for_stretches(head, [&](std::size_t column, std::size_t count) {
    for (std::size_t row = 0; row < rows; ++row) {
      kernels::scale_row(attention.context.at(query + row, head.column + column), inverse_sums[row],
                         count);
    }
  });
}

// Queries [begin, end) of one head, in tokens of the sequence.
void attend_head(const Attention& attention, const Head& head, std::size_t begin, std::size_t end,
                 float* memory) {
  const Scratch scratch(memory, head.length, head.size);
  pack_keys(attention.key, head, scratch.keys);
  gather(attention.value, head, head.first, head.length, scratch.values);
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
  const std::size_t threads = workspace.threads();
  const std::size_t parts =
      threads == 1 || heads >= 2 * threads ? 1 : (2 * threads + heads - 1) / heads;
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
