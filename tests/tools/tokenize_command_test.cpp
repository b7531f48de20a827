#include "tools/cli/tokenize_command.h"

#include <iostream>
#include <sstream>

#include "tests/shared/tokenizer/temp_folder.h"

namespace onecopy::tools {
namespace {

struct Outcome {
  int code;
  std::vector<std::string> lines;
};

Outcome run(const std::filesystem::path& folder, const std::string& input) {
  std::ios::sync_with_stdio(false);  // the first call gives cin and cout other buffers
  std::istringstream in(input);
  std::ostringstream out;
  std::streambuf* const old_in = std::cin.rdbuf(in.rdbuf());
  std::streambuf* const old_out = std::cout.rdbuf(out.rdbuf());
  std::cin.clear();
  Outcome result{run_tokenize(folder), {}};
  std::cin.rdbuf(old_in);
  std::cout.rdbuf(old_out);
  std::istringstream lines(out.str());
  for (std::string line; std::getline(lines, line);) result.lines.push_back(line);
  return result;
}

std::filesystem::path bert() { return golden_folder() / "models/tiny-bert-qa"; }

TEST(TokenizeCommand, OneLineEach) {
  const Outcome good = run(bert(), R"({"text": "a"})"
                                   "\n\n"
                                   R"({"text": "a", "pair": "b"})"
                                   "\n"
                                   R"({"text": "a", "pair": ""})"
                                   "\n"
                                   R"({"pair": null, "text": ""})");
  EXPECT_EQ(good.code, 0);
  ASSERT_EQ(good.lines.size(), 4u);
  EXPECT_EQ(good.lines[0], R"({"ids":[2,28,3],"type_ids":[0,0,0],"offsets":[[0,0],[0,1],[0,0]]})");
  EXPECT_EQ(
      good.lines[1],
      R"({"ids":[2,28,3,29,3],"type_ids":[0,0,0,1,1],"offsets":[[0,0],[0,1],[0,0],[0,1],[0,0]]})");
  EXPECT_EQ(good.lines[2], good.lines[0]);
  EXPECT_EQ(good.lines[3], R"({"ids":[2,3],"type_ids":[0,0],"offsets":[[0,0],[0,0]]})");
}

TEST(TokenizeCommand, BadLinesGetAnErrorInTheirPlace) {
  const Outcome bad =
      run(bert(),
          "{\"text\": \"a\"}\nnot json\n{\"text\": 5}\n{\"pair\": \"a\"}\n{\"text\": \"\\ud800\"}\n"
          "{\"text\": \"\xff\"}\n{\"text\": \"a\", \"pair\": 1}\n[\"a\"]\n{\"text\": \"a\"}\n");
  EXPECT_EQ(bad.code, 1);
  ASSERT_EQ(bad.lines.size(), 9u);
  EXPECT_EQ(bad.lines.front(), bad.lines.back());
  for (std::size_t i = 1; i < 8; ++i)
    EXPECT_TRUE(bad.lines[i].starts_with("{\"error\":\"")) << bad.lines[i];
}

TEST(TokenizeCommand, NoSuchFolder) {
  EXPECT_EQ(run(golden_folder() / "models/none", "").code, 1);
  EXPECT_EQ(run(golden_folder() / "README.md", "").code, 1);
  const TempFolder empty;
  EXPECT_EQ(run(empty.path(), "").code, 1);
}

TEST(TokenizeCommand, BigInput) {
  std::string input;
  for (int i = 0; i < 20'000; ++i) input += "{\"text\": \"the school\"}\n";
  input += "{\"text\": \"" + std::string(3u << 20, 'a') + "\"}\n";
  const Outcome big = run(bert(), input);
  EXPECT_EQ(big.code, 0);
  ASSERT_EQ(big.lines.size(), 20'001u);
  EXPECT_EQ(Json::parse(big.lines.back()).at("ids"), Json({2, 1, 3}));
}

}  // namespace
}  // namespace onecopy::tools
