// A megabyte of each kind of text that makes a careless tokenizer quadratic: then this test would
// take hours.
#include "tests/shared/tokenizer/temp_folder.h"

namespace onecopy {
namespace {

std::string repeat(const std::string& part) {
  std::string text;
  while (text.size() < (1u << 20)) text += part;
  return text;
}

std::size_t tokens_of(const LoadedTokenizer& tokenizer, const std::string& text) {
  Encoding out;
  EXPECT_TRUE(tokenizer.tokenizer.at(0).encode(text, out).has_value());
  return out.size();
}

TEST(Linear, WordPiece) {
  const LoadedTokenizer bert(golden_folder() / "models/tiny-bert-qa");
  EXPECT_EQ(tokens_of(bert, repeat("a")), 1u);
  EXPECT_EQ(tokens_of(bert, repeat("e\u0301\u0323")), 1u);
  EXPECT_EQ(tokens_of(bert, repeat("\u0301\u0323")), 0u);  // one run of marks, out of order
  EXPECT_EQ(tokens_of(bert, repeat("[CLS]")), (1u << 20) / 5 + 1);
  EXPECT_EQ(tokens_of(bert, repeat("[CLS")), 3 * ((1u << 20) / 4));
  EXPECT_EQ(tokens_of(bert, repeat(".")), 1u << 20);
  EXPECT_EQ(tokens_of(bert, repeat(" ")), 0u);
}

TEST(Linear, ByteBpe) {
  const LoadedTokenizer roberta(golden_folder() / "models/tiny-roberta-qa");
  EXPECT_EQ(tokens_of(roberta, repeat("<mask>")), (1u << 20) / 6 + 1);
  EXPECT_EQ(tokens_of(roberta, repeat(" <mask>  ")), (1u << 20) / 9 + 1 + 2);
  EXPECT_GT(tokens_of(roberta, repeat("a")), 1000u);  // one word, its merges taken from a heap
  EXPECT_GT(tokens_of(roberta, repeat("👩‍🚀")), 1000u);
  EXPECT_GT(tokens_of(roberta, repeat("\n \t")), 1000u);
}

// Added tokens that are blanks, and take the blanks after them.
TEST(Linear, BlankTokens) {
  TempFolder folder;
  folder.copy_golden("tiny-bert-qa");
  Json json = folder.read("tokenizer.json");
  json["added_tokens"].push_back({{"id", 2200},
                                  {"content", "  "},
                                  {"single_word", false},
                                  {"lstrip", false},
                                  {"rstrip", true},
                                  {"normalized", false},
                                  {"special", false}});
  folder.write("tokenizer.json", json.dump());
  const LoadedTokenizer bert(folder.path());
  EXPECT_GT(tokens_of(bert, repeat(" ")), 1000u);
}

}  // namespace
}  // namespace onecopy
