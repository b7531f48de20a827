// What the tokenizer's tests share: golden models, folders made of their files, and rows of
// expected tokens.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "host/publish/tokenizer/build_tokenizer.h"
#include "shared/base/json.h"
#include "shared/tokenizer/tokenizer.h"

namespace onecopy {

// A folder of its own that goes when the object goes.
class TempFolder {
 public:
  TempFolder();
  ~TempFolder();
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  // The tokenizer files and the config.json of a golden model.
  void copy_golden(const std::string& model);
  void write(const std::string& file, const std::string& text) const;
  void remove(const std::string& file) const;
  Json read(const std::string& file) const;  // null where there is none
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

std::filesystem::path golden_folder();

// One JSON value for each line.
std::vector<Json> read_lines(const std::filesystem::path& path);

// A tokenizer and the image that it lies in. Fails the test where the folder has none.
struct LoadedTokenizer {
  explicit LoadedTokenizer(const std::filesystem::path& folder);
  Tokens tokenize(const std::string& text, const std::string& pair = "") const;

  BuiltTokenizer built;
  std::vector<Tokenizer> tokenizer;  // one, or none after a failure
};

// Expects the ids, type_ids, offsets and words of a golden row.
void expect_row(const LoadedTokenizer& tokenizer, const Json& row);

}  // namespace onecopy
