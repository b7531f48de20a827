// Attention in 16-bit integers and in bf16 against attention in f32: ragged lengths, heads of all
// sizes, every type of context, every instruction set.
#include "worker/encoder/attention.h"

#include <gmock/gmock.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "tests/worker/kernels/operands.h"
#include "tests/worker/kernels/targets.h"
#include "worker/encoder/attention_head.h"
#include "worker/kernels/amx_product.h"

namespace onecopy::worker {
namespace {

using kernels::Activations;
using kernels::Operand;
using kernels::OperandType;
using kernels::OwnedOperand;

// How scores and their products with values are computed. kPlainBf16 is what kBf16 is on any
// machine.
enum class Kind { kF32, kI16, kPlainBf16, kBf16 };

// Those that this machine has at the moment; the f32 of `exact` is what the others are compared
// with.
std::vector<Kind> rounded_kinds() {
  std::vector<Kind> kinds{Kind::kI16, Kind::kPlainBf16};
  if (kernels::amx_bf16_product() != nullptr) kinds.push_back(Kind::kBf16);
  return kinds;
}
bool is_bf16(Kind kind) { return kind == Kind::kPlainBf16 || kind == Kind::kBf16; }

// Relative to the largest value. In integers a value is rounded to 1 in 1023, half of that
// is 4.9e-4; the rest is what queries, keys (1 in 4095 each) and powers lose. In bf16 each of them
// loses up to 1 in 512.
double bound_of(Kind kind) { return is_bf16(kind) ? 1.5e-2 : 1e-3; }

struct Heads {
  std::size_t heads, size;
  std::size_t columns() const { return heads * size; }
};

// In all but the first and the last two, heads cross the blocks of 64 columns.
constexpr Heads kHeads[] = {{2, 64}, {3, 32}, {4, 21}, {5, 7}, {2, 96}, {3, 160}, {1, 128}};

const std::vector<std::uint32_t> kStarts{0, 1, 3, 10, 58, 107, 171, 236, 239};
// The same, and the longest that the models take.
const std::vector<std::uint32_t> kLongStarts{0, 1, 3, 10, 58, 107, 171, 236, 366, 878, 881};

// Queries, keys and values of `tokens` rows, in f32 and in bf16.
class Inputs {
 public:
  Inputs(const Heads& heads, std::size_t tokens) : columns_(heads.columns()) {
    const std::size_t count = tokens * columns_;
    tensors_[0] = kernels::random_floats(count, 1);
    tensors_[1] = kernels::random_floats(count, 2);
    tensors_[2] = kernels::random_floats(count, 3, 5);
  }
  // 0: queries, 1: keys, 2: values.
  std::vector<float>& at(std::size_t which) { return tensors_[which]; }
  const std::vector<float>& at(std::size_t which) const { return tensors_[which]; }
  OwnedOperand operand(std::size_t which, Kind kind) const {
    const OperandType type = is_bf16(kind) ? OperandType::kBf16 : OperandType::kF32;
    OwnedOperand operand(type, tensors_[which].size() / columns_, columns_, 1, true);
    operand.write(tensors_[which]);
    return operand;
  }

 private:
  std::size_t columns_;
  std::vector<float> tensors_[3];
};

const kernels::Bf16Product* product_of(Kind kind) {
  if (kind == Kind::kBf16) return kernels::amx_bf16_product();
  return kind == Kind::kPlainBf16 ? &kernels::scalar_bf16_product() : nullptr;
}

void run(const Heads& heads, const Inputs& in, std::span<const std::uint32_t> starts, Kind kind,
         const Operand& context, Workspace& workspace,
         std::span<const std::uint32_t> query_starts = {}) {
  const OwnedOperand query = in.operand(0, kind);
  const OwnedOperand key = in.operand(1, kind);
  const OwnedOperand value = in.operand(2, kind);
  attend({.heads = heads.heads,
          .head_size = heads.size,
          .query = query.operand(),
          .key = key.operand(),
          .value = value.operand(),
          .context = context,
          .starts = starts,
          .query_starts = query_starts.empty() ? starts : query_starts,
          .exact = kind == Kind::kF32,
          .product = product_of(kind)},
         workspace);
}

std::vector<float> context_of(const Heads& heads, const Inputs& in,
                              std::span<const std::uint32_t> starts, Kind kind,
                              Workspace& workspace,
                              std::span<const std::uint32_t> query_starts = {}) {
  const std::size_t rows = query_starts.empty() ? starts.back() : query_starts.back();
  const OwnedOperand context(OperandType::kF32, rows, heads.columns());
  run(heads, in, starts, kind, context.operand(), workspace, query_starts);
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

TEST(Attention, InFewerBitsIsNearTheExactOne) {
  for (const Heads& heads : {Heads{2, 64}, {3, 32}, {4, 21}, {5, 7}, {2, 96}, {1, 160}, {1, 128}}) {
    SCOPED_TRACE(testing::Message() << heads.heads << " heads of " << heads.size);
    const Inputs in(heads, kLongStarts.back());
    Workspace workspace(1);
    const std::vector<float> want = context_of(heads, in, kLongStarts, Kind::kF32, workspace);
    kernels::for_each_target([&] {
      for (const Kind kind : rounded_kinds()) {
        const double bound = bound_of(kind) * largest(in.at(2));
        dirty(workspace);
        const std::vector<float> got = context_of(heads, in, kLongStarts, kind, workspace);
        ASSERT_EQ(got.size(), want.size());
        for (std::size_t i = 0; i < got.size(); ++i) ASSERT_NEAR(got[i], want[i], bound) << i;
      }
    });
    if (testing::Test::HasFatalFailure()) return;
  }
}

TEST(Attention, OfOneTokenIsItsValue) {
  const Heads heads{3, 21};
  const Inputs in(heads, 1);
  Workspace workspace(1);
  kernels::for_each_target([&] {
    for (const Kind kind : rounded_kinds()) {
      const auto got = context_of(heads, in, std::vector<std::uint32_t>{0, 1}, kind, workspace);
      const auto want = in.operand(2, kind).read();
      for (std::size_t i = 0; i < want.size(); ++i) {
        ASSERT_NEAR(got[i], want[i], 1e-6 * std::abs(want[i])) << i;  // its column's largest
      }
    }
  });
}

// A softmax over scores that lie far apart picks one value.
TEST(Attention, TakesHugeScores) {
  const Heads heads{2, 32};
  Inputs in(heads, 5);
  for (const float scale : {1e3F, 1e9F, 1e15F}) {
    constexpr std::size_t kWidth = 64;
    in.at(1) = kernels::random_floats(5 * kWidth, 2, scale);
    std::fill_n(in.at(1).data() + 2 * kWidth, kWidth, 1000 * scale);  // token 2
    in.at(0).assign(5 * kWidth, scale);
    Workspace workspace(1);
    for (const Kind kind : {Kind::kF32, Kind::kI16, Kind::kPlainBf16}) {
      const auto got = context_of(heads, in, std::vector<std::uint32_t>{0, 5}, kind, workspace);
      for (std::size_t i = 0; i < got.size(); ++i) {
        ASSERT_NEAR(got[i], in.at(2)[2 * kWidth + i % kWidth], bound_of(kind) * largest(in.at(2)))
            << scale;
      }
    }
  }
}

TEST(Attention, RoundsItsContextToEachType) {
  for (const Heads& heads : kHeads) {
    SCOPED_TRACE(testing::Message() << heads.heads << " heads of " << heads.size);
    const Inputs in(heads, kStarts.back());
    for (const Kind kind : {Kind::kF32, Kind::kI16, Kind::kPlainBf16}) {
      for (const unsigned threads : kind == Kind::kI16 ? std::vector{1U, 3U} : std::vector{3U}) {
        Workspace workspace(threads);
        const std::vector<float> want = context_of(heads, in, kStarts, kind, workspace);
        for (const OperandType type : {OperandType::kBf16, OperandType::kU8}) {
          const OwnedOperand context(type, kStarts.back(), heads.columns(), 1);
          run(heads, in, kStarts, kind, context.operand(), workspace);
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
    for (const Kind kind : rounded_kinds()) {
      Workspace one(1);
      const std::vector<float> want = context_of(heads, in, kStarts, kind, one);
      for (const unsigned threads : {2U, 3U, 7U}) {
        Workspace several(threads);
        EXPECT_EQ(context_of(heads, in, kStarts, kind, several), want) << threads;
      }
    }
  }
}

TEST(Attention, OfFirstRowsIsThatOfAllRows) {
  for (const Heads& heads : kHeads) {
    SCOPED_TRACE(testing::Message() << heads.heads << " heads of " << heads.size);
    const std::size_t sequences = kStarts.size() - 1;
    const std::size_t width = heads.columns();
    const Inputs in(heads, kStarts.back());
    Inputs first(heads, kStarts.back());
    std::vector<std::uint32_t> query_starts;
    first.at(0).clear();
    for (std::size_t s = 0; s <= sequences; ++s) {
      query_starts.push_back(static_cast<std::uint32_t>(s));
      if (s == sequences) break;
      const auto row = in.at(0).begin() + static_cast<std::ptrdiff_t>(kStarts[s] * width);
      first.at(0).insert(first.at(0).end(), row, row + static_cast<std::ptrdiff_t>(width));
    }
    std::vector<Kind> kinds = rounded_kinds();
    kinds.push_back(Kind::kF32);
    for (const Kind kind : kinds) {
      for (const unsigned threads : {1U, 3U}) {
        Workspace workspace(threads);
        const std::vector<float> all = context_of(heads, in, kStarts, kind, workspace);
        const std::vector<float> got =
            context_of(heads, first, kStarts, kind, workspace, query_starts);
        for (std::size_t i = 0; i < got.size(); ++i) {
          ASSERT_EQ(got[i], all[kStarts[i / width] * width + i % width]) << i;
        }
      }
    }
  }
}

// A head of odd size in two stretches, the second of an even number of columns: nothing of what lay
// in its memory before gets between its columns and the pair's end.
template <class AnyHead>
void expect_independent_of_memory(Kind kind) {
  const Inputs in({4, 21}, 70);
  const OwnedOperand query = in.operand(0, kind);
  const OwnedOperand key = in.operand(1, kind);
  const OwnedOperand value = in.operand(2, kind);
  const Head head{query.operand(), key.operand(), value.operand(), 0, 70, 63, 21, product_of(kind)};
  std::vector<std::vector<float>> results;
  constexpr std::size_t kQueries = AnyHead::kQueries;
  for (const int byte : {0, 0x55}) {
    kernels::AlignedBuffer memory;
    memory.reserve(AnyHead::floats(70, 21));
    std::memset(memory.data(), byte, memory.bytes());
    OwnedOperand context(OperandType::kF32, kQueries, 84);
    AnyHead(head, memory.data()).attend(0, kQueries, context.operand().floats());
    results.push_back(context.read());
  }
  EXPECT_EQ(results[0], results[1]);
}

TEST(Attention, DoesNotDependOnWhatItsMemoryHeld) {
  expect_independent_of_memory<I16Head>(Kind::kI16);
  expect_independent_of_memory<Bf16Head>(Kind::kPlainBf16);
  if (kernels::amx_bf16_product() != nullptr) expect_independent_of_memory<Bf16Head>(Kind::kBf16);
}

// In a query: its own row of its head. In a key: all rows of the sequence's head. In a value: its
// column of all rows at least.
TEST(Attention, KeepsWhatIsNoNumber) {
  const Heads heads{3, 21};
  const std::vector<std::uint32_t> starts{0, 5, 40};
  for (const float poison :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    for (const std::size_t column : {0u, 20u, 40u, 62u}) {
      for (const std::size_t where : {0u, 1u, 2u}) {
        Inputs in(heads, 40);
        in.at(where)[17 * heads.columns() + column] = poison;
        Workspace workspace(1);
        kernels::for_each_target([&] {
          for (const Kind kind : rounded_kinds()) {
            const auto context = context_of(heads, in, starts, kind, workspace);
            for (std::size_t i = 0; i < context.size(); ++i) {
              const std::size_t row = i / heads.columns();
              const bool same_head = i % heads.columns() / heads.size == column / heads.size;
              const bool spoilt =
                  where == 0 ? row == 17 && same_head
                             : row >= 5 && (where == 1 ? same_head : i % heads.columns() == column);
              ASSERT_EQ(std::isfinite(context[i]), !spoilt)
                  << static_cast<int>(kind) << ", " << where << ": " << row;
            }
          }
        });
      }
    }
  }
}

}  // namespace
}  // namespace onecopy::worker
