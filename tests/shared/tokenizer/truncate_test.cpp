#include "tests/shared/tokenizer/temp_folder.h"

namespace onecopy {
namespace {

struct Sizes {
  std::size_t a, b;
  bool operator==(const Sizes&) const = default;
};

// Lengths of two texts after truncation; {999, code} for an error.
Sizes cut(std::size_t a, std::size_t b, std::size_t specials, std::size_t max_tokens,
          Truncation strategy, bool has_pair = true) {
  Encoding first, second;
  first.ids.resize(a), first.offsets.resize(a), first.words.resize(a);
  second.ids.resize(b), second.offsets.resize(b), second.words.resize(b);
  EncodingView va(first), vb(second);
  const Status status = truncate(va, has_pair ? &vb : nullptr, specials, max_tokens, strategy);
  if (!status) return {999, static_cast<std::size_t>(status.error().code)};
  return {va.size(), vb.size()};
}

const Sizes kRefused = {999, static_cast<std::size_t>(ErrorCode::kInvalidArgument)};

// Expected values are those of transformers 4.57.1.
TEST(Truncate, LongestFirst) {
  using enum Truncation;
  EXPECT_EQ(cut(5, 6, 3, 14, kLongestFirst), (Sizes{5, 6}));  // fits
  EXPECT_EQ(cut(5, 6, 3, 13, kLongestFirst), (Sizes{5, 5}));
  EXPECT_EQ(cut(3, 20, 3, 13, kLongestFirst), (Sizes{3, 7}));
  EXPECT_EQ(cut(20, 3, 3, 13, kLongestFirst), (Sizes{7, 3}));
  EXPECT_EQ(cut(20, 20, 3, 14, kLongestFirst), (Sizes{5, 6}));  // the second takes the odd token
  EXPECT_EQ(cut(21, 20, 3, 14, kLongestFirst), (Sizes{6, 5}));  // the longer one does
  EXPECT_EQ(cut(20, 21, 3, 14, kLongestFirst), (Sizes{5, 6}));
  EXPECT_EQ(cut(9, 9, 4, 4, kLongestFirst), (Sizes{0, 0}));
  EXPECT_EQ(cut(9, 0, 2, 7, kLongestFirst, false), (Sizes{5, 0}));
}

TEST(Truncate, OneOfThem) {
  using enum Truncation;
  EXPECT_EQ(cut(8, 6, 3, 13, kOnlyFirst), (Sizes{4, 6}));
  EXPECT_EQ(cut(8, 6, 3, 13, kOnlySecond), (Sizes{8, 2}));
  EXPECT_EQ(cut(8, 6, 3, 12, kOnlySecond), (Sizes{8, 1}));
  EXPECT_EQ(cut(8, 6, 3, 11, kOnlySecond), kRefused);  // nothing would be left
  EXPECT_EQ(cut(4, 6, 3, 9, kOnlyFirst), kRefused);
  EXPECT_EQ(cut(9, 0, 2, 7, kOnlyFirst, false), (Sizes{5, 0}));
  EXPECT_EQ(cut(9, 0, 2, 7, kOnlySecond, false), kRefused);       // there is no second text
  EXPECT_EQ(cut(5, 0, 2, 7, kOnlySecond, false), (Sizes{5, 0}));  // not needed
  EXPECT_EQ(cut(9, 0, 2, 2, kOnlySecond, false),
            (Sizes{0, 0}));  // room for the special tokens only
}

TEST(Truncate, NoRoomForTheSpecialTokens) {
  EXPECT_EQ(cut(5, 5, 3, 2, Truncation::kLongestFirst), kRefused);
}

}  // namespace
}  // namespace onecopy
