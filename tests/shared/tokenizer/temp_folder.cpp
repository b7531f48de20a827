#include "tests/shared/tokenizer/temp_folder.h"

#include <unistd.h>

#include <atomic>
#include <fstream>

namespace onecopy {

TempFolder::TempFolder() {
  static std::atomic<int> count = 0;
  path_ = std::filesystem::path(testing::TempDir()) /
          fmt::format("onecopy-tokenizer-{}-{}", getpid(), count++);
  std::filesystem::create_directories(path_);
}

TempFolder::~TempFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

void TempFolder::copy_golden(const std::string& model) {
  for (const auto& entry :
       std::filesystem::directory_iterator(golden_folder() / "models" / model)) {
    const auto extension = entry.path().extension();
    if (extension != ".json" && extension != ".txt") continue;
    std::filesystem::copy_file(entry.path(), path_ / entry.path().filename(),
                               std::filesystem::copy_options::overwrite_existing);
  }
}

void TempFolder::write(const std::string& file, const std::string& text) const {
  std::filesystem::remove(path_ / file);
  std::ofstream(path_ / file, std::ios::binary) << text;
}

void TempFolder::remove(const std::string& file) const { std::filesystem::remove(path_ / file); }

Json TempFolder::read(const std::string& file) const {
  if (!std::filesystem::exists(path_ / file)) return {};
  std::ifstream stream(path_ / file);
  return Json::parse(stream);
}

std::filesystem::path golden_folder() {
  return std::filesystem::path(ONECOPY_SOURCE_DIR) / "tests/golden";
}

std::vector<Json> read_lines(const std::filesystem::path& path) {
  std::ifstream stream(path);
  EXPECT_TRUE(stream.good()) << path;
  std::vector<Json> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(Json::parse(line));
  return lines;
}

LoadedTokenizer::LoadedTokenizer(const std::filesystem::path& folder) {
  Result<BuiltTokenizer> result = build_tokenizer(folder);
  if (!result) {
    ADD_FAILURE() << result.error().text;
    return;
  }
  built = std::move(*result);
  Result<Tokenizer> loaded = Tokenizer::from_image(built.image);
  if (!loaded) {
    ADD_FAILURE() << loaded.error().text;
    return;
  }
  tokenizer.push_back(*loaded);
}

Tokens LoadedTokenizer::tokenize(const std::string& text, const std::string& pair) const {
  Tokens tokens;
  Encoding first, second;
  if (tokenizer.empty() || !tokenizer[0].encode(text, first) ||
      !tokenizer[0].encode(pair, second)) {
    ADD_FAILURE() << "cannot tokenize";
    return tokens;
  }
  const EncodingView view(second);
  tokenizer[0].assemble(first, pair.empty() ? nullptr : &view, tokens);
  return tokens;
}

void expect_row(const LoadedTokenizer& tokenizer, const Json& row) {
  const std::string text = row.at("text");
  const std::string pair = row.at("pair").is_null() ? "" : row.at("pair").get<std::string>();
  const Tokens got = tokenizer.tokenize(text, pair);
  Json offsets = Json::array(), words = Json::array();
  for (const Offset& offset : got.offsets) offsets.push_back({offset.start, offset.end});
  for (const std::int32_t word : got.words) words.push_back(word == kNoWord ? Json() : Json(word));
  const std::string input = Json{text, pair}.dump();
  EXPECT_EQ(Json(got.ids), row.at("ids")) << input;
  EXPECT_EQ(Json(got.type_ids), row.at("type_ids")) << input;
  EXPECT_EQ(offsets, row.at("offsets")) << input;
  EXPECT_EQ(words, row.at("words")) << input;
}

}  // namespace onecopy
