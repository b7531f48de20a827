// Images whose bytes are not what they should be: an error, or wrong tokens within bounds, never a
// crash. Run under the address sanitizer too.
#include <cstring>

#include "tests/shared/tokenizer/temp_folder.h"

namespace onecopy {
namespace {

const char* const kWordPieceJson = R"({"version":"1.0","added_tokens":[
  {"id":0,"content":"[PAD]","single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":true},
  {"id":1,"content":"[UNK]","single_word":true,"lstrip":true,"rstrip":true,"normalized":true,"special":true}],
 "normalizer":{"type":"BertNormalizer","clean_text":true,"handle_chinese_chars":true,"strip_accents":null,"lowercase":true},
 "pre_tokenizer":{"type":"BertPreTokenizer"},
 "post_processor":{"type":"BertProcessing","cls":["[CLS]",2],"sep":["[SEP]",3]},
 "model":{"type":"WordPiece","unk_token":"[UNK]","continuing_subword_prefix":"##","max_input_chars_per_word":100,
  "vocab":{"[PAD]":0,"[UNK]":1,"[CLS]":2,"[SEP]":3,"a":4,"ab":5,"##b":6,"##c":7,"é":8,"e":9,"图":10}}})";

const char* const kBpeJson = R"({"added_tokens":[
  {"id":1,"content":"<mask>","single_word":false,"lstrip":true,"rstrip":false,"normalized":false,"special":true}],
 "pre_tokenizer":{"type":"ByteLevel","add_prefix_space":true,"trim_offsets":true,"use_regex":true},
 "post_processor":{"type":"RobertaProcessing","sep":["</s>",0],"cls":["</s>",0],"trim_offsets":true,"add_prefix_space":true},
 "model":{"type":"BPE","dropout":null,"unk_token":null,"continuing_subword_prefix":"","end_of_word_suffix":"","fuse_unk":false,
  "vocab":{"</s>":0,"<mask>":1,"a":2,"b":3,"ab":4,"Ġ":5,"Ġab":6,"c":7,"<pad>":8,"'":9,"s":10},
  "merges":["a b","Ġ ab"]}})";

std::vector<std::byte> small_image(const char* json, const std::string& type) {
  const TempFolder folder;
  folder.write("tokenizer.json", json);
  folder.write("config.json", "{\"model_type\":\"" + type + "\"}");
  folder.write("tokenizer_config.json",
               type == "bert" ? "{}" : R"({"add_prefix_space":true,"cls_token":"</s>"})");
  const Result<BuiltTokenizer> built = build_tokenizer(folder.path());
  EXPECT_TRUE(built.has_value()) << built.error().text;
  return built ? built->image : std::vector<std::byte>();
}

void use(std::span<const std::byte> image) {
  const Result<Tokenizer> tokenizer = Tokenizer::from_image(image);
  if (!tokenizer) {
    EXPECT_EQ(tokenizer.error().code, ErrorCode::kCorrupt);
    return;
  }
  Encoding out;
  Tokens tokens;
  ASSERT_TRUE(tokenizer->encode("abc ab's  [UNK]é\u0301 图ab <mask>[PAD] abb", out).has_value());
  const EncodingView view(out);
  tokenizer->assemble(out, &view, tokens);
  for (const std::int32_t id : tokens.ids)
    ASSERT_LT(static_cast<std::uint32_t>(id), tokenizer->vocab_size());
}

class Image : public testing::TestWithParam<bool> {
 protected:
  std::vector<std::byte> image_ =
      GetParam() ? small_image(kBpeJson, "roberta") : small_image(kWordPieceJson, "bert");
};
INSTANTIATE_TEST_SUITE_P(Kinds, Image, testing::Values(false, true));

TEST_P(Image, SurvivesEveryChangedByte) {
  use(image_);
  for (std::size_t i = 0; i < image_.size(); ++i) {
    const std::byte before = image_[i];
    for (const unsigned change : {0x01u, 0x80u, 0xFFu}) {
      image_[i] = before ^ static_cast<std::byte>(change);
      use(image_);
    }
    image_[i] = before;
  }
}

TEST_P(Image, IsRefusedAtEveryOtherLength) {
  for (std::size_t size = 0; size < image_.size(); size += 7) {
    const std::vector<std::byte> part(image_.begin(),
                                      image_.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_FALSE(Tokenizer::from_image(part).has_value()) << size;
  }
  image_.resize(image_.size() + 8);
  EXPECT_FALSE(Tokenizer::from_image(image_).has_value());
}

TEST_P(Image, CanLieAnywhereAligned) {
  std::vector<std::uint64_t> memory(image_.size() / 8 + 3);
  auto* const aligned = reinterpret_cast<std::byte*>(memory.data()) + 8;
  std::memcpy(aligned, image_.data(), image_.size());
  use({aligned, image_.size()});
  std::memmove(aligned + 1, aligned, image_.size());
  EXPECT_FALSE(Tokenizer::from_image(std::span(aligned + 1, image_.size())).has_value());
}

TEST(ImageTokens, SmallTokenizersWork) {
  const std::vector<std::byte> image = small_image(kWordPieceJson, "bert");
  const Tokenizer tokenizer = Tokenizer::from_image(image).value();
  Encoding out;
  ASSERT_TRUE(tokenizer.encode("ABC [UNK] É图x", out).has_value());
  EXPECT_EQ(out.ids, (std::vector<std::int32_t>{5, 7, 1, 9, 10, 1}));
  EXPECT_EQ(out.offsets,
            (std::vector<Offset>{{0, 2}, {2, 3}, {3, 10}, {10, 11}, {11, 12}, {12, 13}}));
  EXPECT_EQ(out.words, (std::vector<std::int32_t>{0, 0, 1, 2, 3, 4}));
}

}  // namespace
}  // namespace onecopy
