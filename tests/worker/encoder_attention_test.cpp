// Attention in 16-bit integers against attention in f32: ragged lengths, heads of all sizes, every
// type of context, every instruction set.
#include "worker/encoder/attention.h"

#include <gmock/gmock.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "tests/worker/kernels_operands.h"
#include "tests/worker/kernels_targets.h"
#include "worker/encoder/attention_head.h"

namespace onecopy::worker {
namespace {

using kernels::Activations;
using kernels::Operand;
using kernels::OperandType;
using kernels::OwnedOperand;

// Relative to the largest value: a value is rounded to 1 in 1023, half of that is 4.9e-4; the rest
// is what queries, keys (1 in 4095 each) and powers lose.
constexpr double kBound = 1e-3;

struct Heads {
  std::size_t heads, size;
  std::size_t columns() const { return heads * size; }
};

// In all but the first and the last two, heads cross the blocks of 64 columns.
constexpr Heads kHeads[] = {{2, 64}, {3, 32}, {4, 21}, {5, 7}, {2, 96}, {3, 160}, {1, 128}};

const std::vector<std::uint32_t> kStarts{0, 1, 3, 10, 58, 107, 171, 236, 239};
// The same, and the longest that the models take.
const std::vector<std::uint32_t> kLongStarts{0, 1, 3, 10, 58, 107, 171, 236, 366, 878, 881};

// Queries, keys and values of `tokens` rows.
struct Inputs {
  Inputs(const Heads& heads, std::size_t tokens)
      : query(OperandType::kF32, tokens, heads.columns()),
        key(OperandType::kF32, tokens, heads.columns()),
        value(OperandType::kF32, tokens, heads.columns()) {
    const std::size_t count = tokens * heads.columns();
    query.write(kernels::random_floats(count, 1));
    key.write(kernels::random_floats(count, 2));
    value.write(kernels::random_floats(count, 3, 5));
  }
  OwnedOperand query, key, value;
};

void run(const Heads& heads, const Inputs& in, std::span<const std::uint32_t> starts, bool exact,
         const Operand& context, Workspace& workspace) {
  attend({.heads = heads.heads,
          .head_size = heads.size,
          .query = in.query.operand().floats(),
          .key = in.key.operand().floats(),
          .value = in.value.operand().floats(),
          .context = context,
          .starts = starts,
          .query_starts = starts,
          .exact = exact},
         workspace);
}

std::vector<float> context_of(const Heads& heads, const Inputs& in,
                              std::span<const std::uint32_t> starts, bool exact,
                              Workspace& workspace) {
  const OwnedOperand context(OperandType::kF32, starts.back(), heads.columns());
  run(heads, in, starts, exact, context.operand(), workspace);
  return context.read();
}

float largest(const std::vector<float>& values) {
  float most = 0;
  for (const float v : values) most = std::max(most, std::abs(v));
  return most;
}

// Fills the scratch with numbers that would show in a result: what is read must be written before.
void dirty(Workspace& workspace) {
  float* const memory = workspace.heads.reserve(1U << 20);
  std::memset(memory, 0x55, workspace.heads.bytes());
}

TEST(Attention, InIntegersIsNearTheExactOne) {
  for (const Heads& heads : {Heads{2, 64}, {3, 32}, {4, 21}, {5, 7}, {2, 96}, {1, 160}, {1, 128}}) {
    SCOPED_TRACE(testing::Message() << heads.heads << " heads of " << heads.size);
    const Inputs in(heads, kLongStarts.back());
    Workspace workspace(1);
    const std::vector<float> want = context_of(heads, in, kLongStarts, true, workspace);
    const double bound = kBound * largest(in.value.read());
    kernels::for_each_target([&] {
      dirty(workspace);
      const std::vector<float> got = context_of(heads, in, kLongStarts, false, workspace);
      ASSERT_EQ(got.size(), want.size());
      for (std::size_t i = 0; i < got.size(); ++i) ASSERT_NEAR(got[i], want[i], bound) << i;
    });
    if (testing::Test::HasFatalFailure()) return;
  }
}

TEST(Attention, OfOneTokenIsItsValue) {
  const Heads heads{3, 21};
  const Inputs in(heads, 1);
  Workspace workspace(1);
  kernels::for_each_target([&] {
    const auto got = context_of(heads, in, std::vector<std::uint32_t>{0, 1}, false, workspace);
    const auto want = in.value.read();
    for (std::size_t i = 0; i < want.size(); ++i) {
      ASSERT_NEAR(got[i], want[i], 1e-6 * std::abs(want[i])) << i;  // its column's largest
    }
  });
}

// A softmax over scores that lie far apart picks one value.
TEST(Attention, TakesHugeScores) {
  const Heads heads{2, 32};
  Inputs in(heads, 5);
  for (const float scale : {1e3F, 1e9F, 1e15F}) {
    auto keys = kernels::random_floats(5 * 64, 2, scale);
    for (std::size_t j = 0; j < 64; ++j) keys[2 * 64 + j] = 1000 * scale;  // token 2
    in.key.write(keys);
    in.query.write(std::vector<float>(5 * 64, scale));
    Workspace workspace(1);
    const auto values = in.value.read();
    for (const bool exact : {true, false}) {
      const auto got = context_of(heads, in, std::vector<std::uint32_t>{0, 5}, exact, workspace);
      for (std::size_t i = 0; i < got.size(); ++i) {
        ASSERT_NEAR(got[i], values[2 * 64 + i % 64], kBound * largest(values)) << scale;
      }
    }
  }
}

TEST(Attention, RoundsItsContextToEachType) {
  for (const Heads& heads : kHeads) {
    SCOPED_TRACE(testing::Message() << heads.heads << " heads of " << heads.size);
    const Inputs in(heads, kStarts.back());
    for (const bool exact : {false, true}) {
      for (const unsigned threads : exact ? std::vector{3U} : std::vector{1U, 3U}) {
        Workspace workspace(threads);
        const std::vector<float> want = context_of(heads, in, kStarts, exact, workspace);
        for (const auto& [type, row_major] :
             {std::pair{OperandType::kBf16, false}, std::pair{OperandType::kU8, false},
              std::pair{OperandType::kU8, true}}) {
          const OwnedOperand context(type, kStarts.back(), heads.columns(), 1, row_major);
          run(heads, in, kStarts, exact, context.operand(), workspace);
          const std::vector<float> got = context.read();
          for (std::size_t i = 0; i < got.size(); ++i) {
            const std::size_t row = i / heads.columns();
            const std::size_t column = i % heads.columns();
            ASSERT_NEAR(got[i], want[i], context.rounding(row, column) + 1e-30)
                << "row " << row << ", column " << column;
          }
        }
      }
    }
  }
}

TEST(Attention, DoesNotDependOnThreads) {
  for (const Heads& heads : kHeads) {
    const Inputs in(heads, kStarts.back());
    Workspace one(1);
    const std::vector<float> want = context_of(heads, in, kStarts, false, one);
    for (const unsigned threads : {2U, 3U, 7U}) {
      Workspace several(threads);
      EXPECT_EQ(context_of(heads, in, kStarts, false, several), want) << threads;
    }
  }
}

TEST(Attention, OfFirstRowsIsThatOfAllRows) {
  for (const Heads& heads : kHeads) {
    SCOPED_TRACE(testing::Message() << heads.heads << " heads of " << heads.size);
    const std::size_t sequences = kStarts.size() - 1;
    const std::size_t width = heads.columns();
    const Inputs in(heads, kStarts.back());
    const std::vector<float> queries = in.query.read();
    std::vector<float> first_queries;
    std::vector<std::uint32_t> query_starts;
    for (std::size_t s = 0; s <= sequences; ++s) {
      query_starts.push_back(static_cast<std::uint32_t>(s));
      if (s == sequences) break;
      const auto row = queries.begin() + static_cast<std::ptrdiff_t>(kStarts[s] * width);
      first_queries.insert(first_queries.end(), row, row + static_cast<std::ptrdiff_t>(width));
    }
    OwnedOperand query(OperandType::kF32, sequences, width);
    query.write(first_queries);
    for (const bool exact : {false, true}) {
      for (const unsigned threads : {1U, 3U}) {
        Workspace workspace(threads);
        const std::vector<float> all = context_of(heads, in, kStarts, exact, workspace);
        const OwnedOperand context(OperandType::kF32, sequences, width);
        attend({.heads = heads.heads,
                .head_size = heads.size,
                .query = query.operand().floats(),
                .key = in.key.operand().floats(),
                .value = in.value.operand().floats(),
                .context = context.operand(),
                .starts = kStarts,
                .query_starts = query_starts,
                .exact = exact},
               workspace);
        const std::vector<float> got = context.read();
        for (std::size_t i = 0; i < got.size(); ++i) {
          ASSERT_EQ(got[i], all[kStarts[i / width] * width + i % width]) << i;
        }
      }
    }
  }
}

// A head of odd size in two stretches, the second of an even number of columns: nothing of what lay
// in its memory before gets between its columns and the pair's end.
TEST(Attention, DoesNotDependOnWhatItsMemoryHeld) {
  const Inputs in({4, 21}, 70);
  const Head head{in.query.operand().floats(),
                  in.key.operand().floats(),
                  in.value.operand().floats(),
                  0,
                  70,
                  63,
                  21};
  std::vector<std::vector<float>> results;
  for (const int byte : {0, 0x55}) {
    kernels::AlignedBuffer memory;
    memory.reserve(I16Head::floats(70, 21));
    std::memset(memory.data(), byte, memory.bytes());
    OwnedOperand context(OperandType::kF32, kQueries, 84);
    I16Head(head, memory.data()).attend(0, kQueries, context.operand().floats());
    results.push_back(context.read());
  }
  EXPECT_EQ(results[0], results[1]);
}

// In a query: its own row of its head. In a key: all rows of the sequence's head. In a value: its
// column of all rows at least.
TEST(Attention, KeepsWhatIsNoNumber) {
  const Heads heads{3, 21};
  const std::vector<std::uint32_t> starts{0, 5, 40};
  for (const float poison :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    for (const std::size_t column : {0, 20, 40, 62}) {
      for (const int where : {0, 1, 2}) {
        Inputs in(heads, 40);
        OwnedOperand& tensor = where == 0 ? in.query : where == 1 ? in.key : in.value;
        *tensor.operand().floats().at(17, column) = poison;
        Workspace workspace(1);
        kernels::for_each_target([&] {
          const auto context = context_of(heads, in, starts, false, workspace);
          for (std::size_t i = 0; i < context.size(); ++i) {
            const std::size_t row = i / heads.columns();
            const bool same_head = i % heads.columns() / heads.size == column / heads.size;
            const bool spoilt =
                where == 0 ? row == 17 && same_head
                           : row >= 5 && (where == 1 ? same_head : i % heads.columns() == column);
            ASSERT_EQ(std::isfinite(context[i]), !spoilt) << where << ": " << row;
          }
        });
      }
    }
  }
}

}  // namespace
}  // namespace onecopy::worker
