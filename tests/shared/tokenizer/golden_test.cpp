// Every row of tests/golden/tokenize.jsonl, from tokenizer.json and from the older files alone.
#include <map>
#include <memory>

#include "tests/shared/tokenizer/temp_folder.h"

namespace onecopy {
namespace {

using Loaded = std::map<std::string, std::unique_ptr<LoadedTokenizer>>;

TEST(TokenizerGolden, AllRows) {
  Loaded loaded;
  const std::vector<Json> rows = read_lines(golden_folder() / "tokenize.jsonl");
  ASSERT_GT(rows.size(), 2000u);
  for (const Json& row : rows) {
    const std::string model = row.at("model");
    auto& tokenizer = loaded[model];
    if (!tokenizer)
      tokenizer = std::make_unique<LoadedTokenizer>(golden_folder() / "models" / model);
    expect_row(*tokenizer, row);
  }
  EXPECT_EQ(loaded.size(), 7u);
}

// The golden tokenizers were saved from these files, so they must give the same rows.
TEST(TokenizerGolden, AllRowsFromOlderFiles) {
  Loaded loaded;
  for (const Json& row : read_lines(golden_folder() / "tokenize.jsonl")) {
    const std::string model = row.at("model");
    auto& tokenizer = loaded[model];
    if (!tokenizer) {
      TempFolder folder;
      folder.copy_golden(model);
      folder.remove("tokenizer.json");
      tokenizer = std::make_unique<LoadedTokenizer>(folder.path());
    }
    expect_row(*tokenizer, row);
  }
}

TEST(TokenizerGolden, SequencesNameTheText) {
  const LoadedTokenizer bert(golden_folder() / "models/tiny-bert-qa");
  const Tokens tokens = bert.tokenize("a b", "c");
  const std::uint8_t none = kSpecialSequence;
  EXPECT_EQ(tokens.sequences, (std::vector<std::uint8_t>{none, 0, 0, none, 1, none}));
  EXPECT_EQ(bert.tokenizer[0].special_count(false), 2u);
  EXPECT_EQ(bert.tokenizer[0].special_count(true), 3u);
  EXPECT_EQ(bert.tokenizer[0].cls_id(), 2);
  EXPECT_EQ(bert.tokenizer[0].sep_id(), 3);
  EXPECT_EQ(bert.tokenizer[0].pad_id(), 0);
  EXPECT_EQ(bert.tokenizer[0].vocab_size(), 2200u);
  EXPECT_EQ(bert.built.model_max_length, 512u);
  const LoadedTokenizer roberta(golden_folder() / "models/tiny-roberta-qa");
  EXPECT_EQ(roberta.tokenizer[0].special_count(true), 4u);
  EXPECT_EQ(roberta.tokenizer[0].cls_id(), 0);
  EXPECT_EQ(roberta.tokenizer[0].pad_id(), 1);
  // 1e30 in the file is no limit.
  EXPECT_EQ(LoadedTokenizer(golden_folder() / "models/tiny-bert-cased-qa").built.model_max_length,
            std::nullopt);
}

TEST(TokenizerGolden, InvalidUtf8IsRefused) {
  const LoadedTokenizer bert(golden_folder() / "models/tiny-bert-qa");
  Encoding out;
  for (const std::string text :
       {"a\xff", "\xc0\x80", "\xed\xa0\x80", "abc\xe2\x82", "\xf4\x90\x80\x80"}) {
    const Status status = bert.tokenizer[0].encode(text, out);
    ASSERT_FALSE(status.has_value());
    EXPECT_EQ(status.error().code, ErrorCode::kInvalidArgument);
  }
  EXPECT_NE(bert.tokenizer[0].encode("ab\xff", out).error().text.find("byte 2"), std::string::npos);
}

}  // namespace
}  // namespace onecopy
