// Which files of a folder are read, and how.
#include "tests/shared/tokenizer/temp_folder.h"

namespace onecopy {
namespace {

std::vector<std::int32_t> ids(const LoadedTokenizer& tokenizer, const std::string& text) {
  return tokenizer.tokenize(text).ids;
}

TEST(TokenizerFiles, WithoutAnyConfigurationTheFilesDecide) {
  TempFolder bert;
  bert.write("vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nab\n##c\n");
  EXPECT_EQ(ids(LoadedTokenizer(bert.path()), "ABC x"), (std::vector<std::int32_t>{2, 5, 6, 1, 3}));
  TempFolder roberta;
  roberta.write("vocab.json",
                R"({"<s>":0,"<pad>":1,"</s>":2,"<unk>":3,"<mask>":4,"a":5,"b":6,"ab":7,"Ġ":8})");
  roberta.write("merges.txt", "#version: 0.2\na b\n");
  EXPECT_EQ(ids(LoadedTokenizer(roberta.path()), "ab a<mask>"),
            (std::vector<std::int32_t>{0, 7, 8, 5, 4, 2}));
}

TEST(TokenizerFiles, LineEndsAndTheLastLine) {
  TempFolder folder;
  folder.write("vocab.txt", "[PAD]\r\n[UNK]\r\n[CLS]\r[SEP]\n[MASK]\nab\n##c");  // no end of line
  EXPECT_EQ(ids(LoadedTokenizer(folder.path()), "abc"), (std::vector<std::int32_t>{2, 5, 6, 3}));
  folder.write("vocab.txt",
               "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nab\nab\n");  // the last of equal lines counts
  EXPECT_EQ(ids(LoadedTokenizer(folder.path()), "ab"), (std::vector<std::int32_t>{2, 6, 3}));
}

// transformers cuts merges.txt at line ends and drops the last part, also where it is a merge.
TEST(TokenizerFiles, MergeWithoutEndOfLineIsDropped) {
  TempFolder folder;
  folder.write("vocab.json",
               R"({"<s>":0,"<pad>":1,"</s>":2,"<unk>":3,"<mask>":4,"a":5,"b":6,"ab":7,"ba":8})");
  folder.write("merges.txt", "#version: 0.2\na b\nb a");
  EXPECT_EQ(ids(LoadedTokenizer(folder.path()), "ba"), (std::vector<std::int32_t>{0, 6, 5, 2}));
}

TEST(TokenizerFiles, ModelMaxLength) {
  TempFolder folder;
  folder.copy_golden("tiny-bert-qa");
  const auto length = [&](const std::string& config) {
    folder.write("tokenizer_config.json", config);
    return LoadedTokenizer(folder.path()).built.model_max_length;
  };
  EXPECT_EQ(length(R"({"model_max_length": 384})"), 384u);
  EXPECT_EQ(length(R"({"max_len": 77})"), 77u);
  EXPECT_EQ(length(R"({"model_max_length": 1000000000000000019884624838656})"), std::nullopt);
  EXPECT_EQ(length(R"({"model_max_length": null})"), std::nullopt);
  EXPECT_EQ(length("{}"), std::nullopt);
}

TEST(TokenizerFiles, PadIdComesFromConfigWhereNoTokenIsNamed) {
  TempFolder folder;
  folder.copy_golden("tiny-bert-qa");
  folder.write("config.json", R"({"model_type": "bert", "pad_token_id": 7})");
  folder.write("tokenizer_config.json", R"({"tokenizer_class": "PreTrainedTokenizerFast"})");
  folder.remove("special_tokens_map.json");
  const LoadedTokenizer generic(folder.path());
  EXPECT_EQ(generic.tokenizer.at(0).pad_id(), 7);
  EXPECT_EQ(generic.tokenizer.at(0).cls_id(), 2);  // the template's
  EXPECT_EQ(generic.tokenizer.at(0).sep_id(), 3);
}

}  // namespace
}  // namespace onecopy
