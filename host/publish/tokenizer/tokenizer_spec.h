// A tokenizer as its files describe it, before it is compiled into an image. Host side only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "host/publish/tokenizer/added_vocabulary.h"
#include "shared/tokenizer/tokenizer_image.h"

namespace onecopy {

// BertNormalizer's settings.
struct NormalizerSpec {
  bool clean_text = true;
  bool handle_chinese_chars = true;
  std::optional<bool> strip_accents;  // nothing: as lowercase
  bool lowercase = true;
  std::uint32_t flags() const;  // of image::Header
};

struct ModelSpec {
  image::Model kind = image::Model::kWordPiece;
  Vocabulary vocabulary;
  std::optional<std::string> unknown_token;
  std::string continuing_prefix = "##";                     // WordPiece
  std::uint32_t max_word_chars = 100;                       // WordPiece
  std::vector<std::pair<std::string, std::string>> merges;  // BPE, by rank
  bool fuse_unknown = false;                                // BPE
  bool ignore_merges = false;                               // BPE
  std::string source;                                       // "tokenizer.json: model", for errors
};

struct PostProcessorSpec {
  std::vector<image::TemplatePiece> single, pair;
  bool trim_offsets = false;
  bool add_prefix_space = false;
  bool settable =
      false;  // a RobertaProcessing or ByteLevel: tokenizer_config.json may change the two above
};

struct TokenizerSpec {
  std::optional<NormalizerSpec> normalizer;
  // The one that added tokens are normalized with: transformers adds them before it overrides the
  // settings.
  std::optional<NormalizerSpec> added_normalizer;
  image::PreTokenizer pre_tokenizer = image::PreTokenizer::kNone;
  bool add_prefix_space = false;  // ByteLevel
  bool use_regex = true;          // ByteLevel
  ModelSpec model;
  PostProcessorSpec post_processor;
  AddedVocabulary added;
  std::optional<std::string> padding_token;  // of tokenizer.json's "padding"
  bool split_special_tokens = false;
  std::uint32_t cls_id = 0, sep_id = 0, pad_id = 0;
};

}  // namespace onecopy
