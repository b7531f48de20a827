// Windows over a text: what the question-answering pipeline gets from return_overflowing_tokens.
#include <gmock/gmock.h>

#include "tests/shared/tokenizer/temp_folder.h"

namespace onecopy {
namespace {

Tokens window(const LoadedTokenizer& tokenizer, const std::string& context, std::size_t start,
              std::size_t count) {
  Encoding question, all;
  EXPECT_TRUE(tokenizer.tokenizer[0].encode("a", question).has_value());
  EXPECT_TRUE(tokenizer.tokenizer[0].encode(context, all).has_value());
  const EncodingView part = EncodingView(all).subview(start, count);
  Tokens tokens;
  tokenizer.tokenizer[0].assemble(question, &part, tokens);
  return tokens;
}

std::vector<Offset> offsets(std::initializer_list<std::pair<std::uint32_t, std::uint32_t>> pairs) {
  std::vector<Offset> all = {{0, 0}, {0, 1}, {0, 0}, {0, 0}};  // <s> a </s></s>
  for (const auto& [start, end] : pairs) all.push_back({start, end});
  all.push_back({0, 0});
  return all;
}

// With add_prefix_space, RobertaProcessing takes the blank of a window's first token for the added
// one and keeps it. Expected values are those of transformers 4.57.1 for truncation="only_second",
// stride=1.
TEST(Window, FirstTokenKeepsItsBlank) {
  const LoadedTokenizer roberta(golden_folder() / "models/tiny-roberta-cls");
  const std::string context = "b  c   d e";
  EXPECT_EQ(window(roberta, context, 0, 3).offsets, offsets({{0, 1}, {2, 2}, {3, 4}}));
  const Tokens second = window(roberta, context, 2, 3);
  EXPECT_EQ(second.ids, (std::vector<std::int32_t>{0, 490, 2, 2, 295, 225, 225, 2}));
  EXPECT_EQ(second.offsets, offsets({{2, 4}, {5, 5}, {6, 6}}));
  EXPECT_EQ(second.words, (std::vector<std::int32_t>{-1, 0, -1, -1, 2, 3, 3, -1}));
  EXPECT_EQ(window(roberta, context, 4, 3).offsets, offsets({{5, 5}, {7, 8}, {9, 10}}));
}

TEST(Window, WithoutAddedSpaceNothingIsKept) {
  const LoadedTokenizer roberta(golden_folder() / "models/tiny-roberta-qa");
  const Tokens all = window(roberta, "b  c   d e", 0, 7);
  const Tokens part = window(roberta, "b  c   d e", 2, 3);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(part.offsets[4 + i], all.offsets[6 + i]);
}

}  // namespace
}  // namespace onecopy
