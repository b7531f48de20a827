// Files from outside that are wrong or meant to harm: each a one-line error that names the file and
// the field.
#include <gmock/gmock.h>

#include "shared/base/limits.h"
#include "tests/shared/tokenizer/temp_folder.h"

namespace onecopy {
namespace {

using testing::HasSubstr;

class HostileFiles : public testing::Test {
 protected:
  void SetUp() override { copy("tiny-bert-qa"); }
  void copy(const std::string& model) {
    folder_.copy_golden(model);
    json_ = folder_.read("tokenizer.json");
  }
  void expect_error(ErrorCode code, const std::vector<std::string>& parts) {
    folder_.write("tokenizer.json", json_.dump());
    expect_error_of_folder(code, parts);
  }
  void expect_error_of_folder(ErrorCode code, const std::vector<std::string>& parts) const {
    const Result<BuiltTokenizer> built = build_tokenizer(folder_.path());
    ASSERT_FALSE(built.has_value()) << testing::PrintToString(parts);
    EXPECT_EQ(built.error().code, code) << built.error().text;
    for (const std::string& part : parts) EXPECT_THAT(built.error().text, HasSubstr(part));
    EXPECT_EQ(built.error().text.find('\n'), std::string::npos) << built.error().text;
    EXPECT_LT(built.error().text.size(), 600u);
  }
  TempFolder folder_;
  Json json_;
};

constexpr auto kInvalid = ErrorCode::kInvalidArgument;
constexpr auto kUnsupported = ErrorCode::kUnsupported;

TEST_F(HostileFiles, MissingOrNotJson) {
  folder_.write("tokenizer.json", "{\"model\": ");
  expect_error_of_folder(kInvalid, {"tokenizer.json"});
  folder_.write("tokenizer.json", "[]");
  expect_error_of_folder(kInvalid, {"tokenizer.json"});
  folder_.write("tokenizer.json", "{}");
  expect_error_of_folder(kInvalid, {"tokenizer.json: model"});
  folder_.write("tokenizer.json", std::string(100'000, '['));
  expect_error_of_folder(kInvalid, {"tokenizer.json"});
  folder_.remove("tokenizer.json");
  folder_.remove("vocab.txt");
  expect_error_of_folder(ErrorCode::kNotFound, {"tokenizer.json", "vocab.txt"});
  folder_.write("sentencepiece.bpe.model", "");
  expect_error_of_folder(kUnsupported, {"SentencePiece"});
}

TEST_F(HostileFiles, UnsupportedKinds) {
  json_["model"] = {{"type", "Unigram"}, {"unk_id", 0}, {"vocab", Json::array()}};
  expect_error(kUnsupported, {"tokenizer.json: model", "Unigram", "SentencePiece"});
  json_["model"]["type"] = "WordLevel";
  expect_error(kUnsupported, {"tokenizer.json: model.type", "WordLevel"});
  copy("tiny-bert-qa");
  json_["normalizer"]["type"] = "NFKC";
  expect_error(kUnsupported, {"tokenizer.json: normalizer.type", "NFKC"});
  copy("tiny-bert-qa");
  json_["pre_tokenizer"]["type"] = "Metaspace";
  expect_error(kUnsupported, {"tokenizer.json: pre_tokenizer.type", "Metaspace"});
  copy("tiny-bert-qa");
  json_["pre_tokenizer"] = {
      {"type", "ByteLevel"}, {"add_prefix_space", true}, {"trim_offsets", true}};
  expect_error(kUnsupported, {"WordPiece after a ByteLevel"});
  copy("tiny-bert-qa");
  json_["post_processor"]["type"] = "Mystery\nProcessing";
  expect_error(kUnsupported, {"tokenizer.json: post_processor.type", "Mystery Processing"});
  folder_.copy_golden("tiny-bert-qa");
  folder_.write("tokenizer_config.json", R"({"tokenizer_class": "T5Tokenizer"})");
  expect_error_of_folder(kUnsupported, {"tokenizer_config.json: tokenizer_class", "T5Tokenizer"});
}

TEST_F(HostileFiles, UnsupportedBpeOptions) {
  for (const auto& [field, value] :
       std::map<std::string, Json>{{"dropout", 0.1},
                                   {"byte_fallback", true},
                                   {"end_of_word_suffix", "</w>"},
                                   {"continuing_subword_prefix", "##"}}) {
    copy("tiny-roberta-qa");
    json_["model"][field] = value;
    expect_error(kUnsupported, {"tokenizer.json: model." + field});
  }
}

TEST_F(HostileFiles, Vocabulary) {
  auto& vocab = json_["model"]["vocab"];
  const Json good = vocab;
  for (const Json& id : {Json(-1), Json("5"), Json(1.5), Json(), Json::array()}) {
    vocab = good;
    vocab["bad"] = id;
    expect_error(kInvalid, {"tokenizer.json: model.vocab[\"bad\"]"});
  }
  for (const Json& id :
       {Json(std::uint64_t{1} << 32), Json(~std::uint64_t{0}), Json(limits::kVocabulary)}) {
    vocab = good;
    vocab["bad\n"] = id;
    expect_error(ErrorCode::kTooLarge, {"tokenizer.json: model.vocab[\"bad \"]"});
  }
  vocab = good;
  vocab[std::string(5000, 'x')] = 1;
  expect_error(ErrorCode::kTooLarge, {"tokenizer.json: model.vocab", "xxx", "4096"});
  vocab = Json::object();
  expect_error(kInvalid, {"tokenizer.json: model", "[UNK]"});
  vocab = Json::array();
  expect_error(kInvalid, {"tokenizer.json: model.vocab"});
}

// Holes, equal ids and an empty token are odd, but Hugging Face takes them.
TEST_F(HostileFiles, OddVocabulariesWork) {
  auto& vocab = json_["model"]["vocab"];
  vocab["zzyzx"] = 900'000;
  vocab["qqq"] = 5;
  vocab[""] = 6;
  vocab["##"] = 7;
  folder_.write("tokenizer.json", json_.dump());
  const LoadedTokenizer bert(folder_.path());
  EXPECT_EQ(bert.tokenize("zzyzx qqq").ids, (std::vector<std::int32_t>{2, 900'000, 5, 3}));
  EXPECT_EQ(bert.tokenizer.at(0).vocab_size(), 900'001u);
}

TEST_F(HostileFiles, Merges) {
  copy("tiny-roberta-qa");
  auto& merges = json_["model"]["merges"];
  for (const Json& bad :
       {Json("a"), Json("a b c"), Json(5), Json::array({"a"}), Json::array({"a", 5}), Json()}) {
    merges = Json::array({Json::array({"e", "r"}), bad});
    expect_error(kInvalid, {"tokenizer.json: model.merges[1]"});
  }
  merges = Json::array({"e zzz"});
  expect_error(kInvalid, {"tokenizer.json: model", "zzz", "vocabulary"});
  merges = Json::array({"x q"});  // both known, but not "xq"
  expect_error(kInvalid, {"tokenizer.json: model", "\"xq\""});
  merges = "e r";
  expect_error(kInvalid, {"tokenizer.json: model.merges"});
}

TEST_F(HostileFiles, AddedTokens) {
  auto& added = json_["added_tokens"];
  const Json good = added;
  added[1]["lstrip"] = "yes";
  expect_error(kInvalid, {"tokenizer.json: added_tokens[1].lstrip"});
  added = good;
  added[2].erase("content");
  expect_error(kInvalid, {"tokenizer.json: added_tokens[2].content"});
  added = good;
  added[0]["id"] = -3;
  expect_error(kInvalid, {"tokenizer.json: added_tokens[0].id"});
  added = good;
  added[0]["content"] = std::string(600, 'x');
  expect_error(ErrorCode::kTooLarge, {"added token", "512"});
  added = good;
  added[0]["content"] = "\u200b";
  added[0]["normalized"] = true;
  expect_error(kUnsupported, {"added token", "nothing is left"});
  added = {{"a", 1}};
  expect_error(kInvalid, {"tokenizer.json: added_tokens"});
}

TEST_F(HostileFiles, PostProcessor) {
  auto& post = json_["post_processor"];
  const Json good = post;
  post["single"].erase(1);
  expect_error(kUnsupported, {"tokenizer.json: post_processor.single", "$A"});
  post = good;
  post["pair"].push_back(post["pair"][1]);
  expect_error(kUnsupported, {"tokenizer.json: post_processor.pair"});
  post = good;
  post["special_tokens"].erase("[SEP]");
  expect_error(kInvalid, {"tokenizer.json: post_processor.special_tokens.[SEP]"});
  post = good;
  post["special_tokens"]["[SEP]"]["ids"][0] = 1 << 24;
  expect_error(ErrorCode::kTooLarge, {"post_processor.special_tokens.[SEP].ids"});
  post = good;
  post["single"][0]["SpecialToken"]["type_id"] = 100'000;
  expect_error(kInvalid, {"tokenizer.json: post_processor.single.SpecialToken.type_id"});
  post = {{"type", "Sequence"}, {"processors", Json::array({Json()})}};
  expect_error(kInvalid, {"tokenizer.json: post_processor.processors"});
  post = {{"type", "BertProcessing"}, {"cls", "[CLS]"}, {"sep", Json::array({"[SEP]", 3})}};
  expect_error(kInvalid, {"tokenizer.json: post_processor.cls"});
}

TEST_F(HostileFiles, Configuration) {
  const std::map<std::string, std::string> bad = {
      {R"({"do_lower_case": "no"})", "tokenizer_config.json: do_lower_case"},
      {R"({"cls_token": 5})", "tokenizer_config.json: cls_token"},
      {R"({"cls_token": {"lstrip": true}})", "tokenizer_config.json: cls_token.content"},
      {R"({"added_tokens_decoder": {"x": {"content": "a"}}})",
       "tokenizer_config.json: added_tokens_decoder.\"x\""},
      {R"({"added_tokens_decoder": {"9999999999": {"content": "a"}}})", "added_tokens_decoder"},
      {R"({"added_tokens_decoder": []})", "tokenizer_config.json: added_tokens_decoder"},
      {R"({"additional_special_tokens": "x"})", "tokenizer_config.json: additional_special_tokens"},
      {R"({"extra_special_tokens": []})", "tokenizer_config.json: extra_special_tokens"},
      {R"({"model_max_length": "512"})", "tokenizer_config.json: model_max_length"},
      {R"([1])", "tokenizer_config.json"},
      {R"({"tokenizer_class": 7})", "tokenizer_config.json: tokenizer_class"}};
  for (const auto& [config, field] : bad) {
    folder_.write("tokenizer_config.json", config);
    expect_error_of_folder(kInvalid, {field});
  }
}

TEST_F(HostileFiles, OlderFiles) {
  folder_.remove("tokenizer.json");
  folder_.write("vocab.txt", "a\nb\n");
  expect_error_of_folder(kInvalid, {"vocab.txt"});
  folder_.write("vocab.txt", "[PAD]\n[UNK]\n\xff\n");
  expect_error_of_folder(kInvalid, {"vocab.txt", "UTF-8"});
  folder_.write("vocab.txt", "[UNK]\n" + std::string(5000, 'x') + "\n");
  expect_error_of_folder(ErrorCode::kTooLarge, {"vocab.txt", "line 2"});
  copy("tiny-roberta-qa");
  folder_.remove("tokenizer.json");
  folder_.write("merges.txt", "#version\ne r x\n");
  expect_error_of_folder(kInvalid, {"merges.txt", "line 2"});
  folder_.write("merges.txt", "#version\n\n");
  expect_error_of_folder(kInvalid, {"merges.txt", "line 2"});
  folder_.write("vocab.json", R"({"a": -1})");
  expect_error_of_folder(kInvalid, {"vocab.json"});
  folder_.remove("vocab.json");
  expect_error_of_folder(ErrorCode::kNotFound, {"vocab.json"});
}

}  // namespace
}  // namespace onecopy
