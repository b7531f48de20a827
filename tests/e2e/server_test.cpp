// What a user does with a running server, good and bad.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <thread>

#include "tests/e2e/server_process.h"

namespace onecopy::e2e {
namespace {

using ::testing::HasSubstr;

class Server : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    server = std::make_unique<ServerProcess>(
        std::vector<std::string>{"--workers", "2", "--model", "qa0=" + model_folder("tiny-bert-qa"),
                                 "--model", "topics=" + model_folder("tiny-roberta-cls"), "--model",
                                 "vectors=" + model_folder("tiny-bert-embed")});
  }
  static void TearDownTestSuite() { server.reset(); }
  void SetUp() override { ASSERT_TRUE(server->running()) << server->output(); }

  // The error text of a request that must be refused with this status.
  static std::string refused(int status, const std::string& path, const Json& body) {
    const auto [got, reply] = server->post(path, body);
    EXPECT_EQ(got, status) << path << body << reply;
    return reply.is_object() ? reply.value("error", "") : "";
  }

  static std::unique_ptr<ServerProcess> server;
};
std::unique_ptr<ServerProcess> Server::server;

TEST_F(Server, IsHealthyOnBothPorts) {
  EXPECT_EQ(server->get("/v2/health/ready").second, Json({{"ready", true}}));
  EXPECT_EQ(server->get("/v2/health/live").second, Json({{"live", true}}));
  EXPECT_EQ(server->get("/healthz").first, 200);
  httplib::Client management("127.0.0.1", server->management_port());
  EXPECT_EQ(management.Get("/healthz")->status, 200);
}

TEST_F(Server, AnswersTheSameByEveryAddress) {
  const Json body = {{"question", "Who built it?"},
                     {"context", "The bridge was built by Quatz in winter."}};
  const auto [status, answer] = server->post("/qa/qa0", body);
  ASSERT_EQ(status, 200) << answer;
  ASSERT_TRUE(answer.is_object());
  EXPECT_EQ(answer["answer"], body["context"].get<std::string>().substr(
                                  answer["start"], answer["end"].get<std::size_t>() -
                                                       answer["start"].get<std::size_t>()));
  const auto query = httplib::Params{{"question", body["question"]}, {"context", body["context"]}};
  const auto by_query = server->client().Get("/qa0", query, httplib::Headers());
  ASSERT_TRUE(by_query);
  EXPECT_EQ(Json::parse(by_query->body), answer);
  const auto by_model = server->client().Get("/qa/qa0", query, httplib::Headers());
  EXPECT_EQ(Json::parse(by_model->body), answer);
  const auto asked =
      run_program("onecopy", {"ask", "--url", "http://127.0.0.1:" + std::to_string(server->port()),
                              "--model", "qa0", body["question"], body["context"]});
  EXPECT_EQ(asked.exit_code, 0) << asked.err;
  EXPECT_THAT(asked.out, HasSubstr(answer["answer"].get<std::string>()));
}

TEST_F(Server, EmbedsOneTextOrMany) {
  const auto [status, one] = server->post("/embed", {{"inputs", "a bridge"}});
  ASSERT_EQ(status, 200) << one;
  const auto [many_status, many] =
      server->post("/embed", {{"inputs", {"a river", "a bridge", "a town"}}});
  ASSERT_EQ(many_status, 200);
  ASSERT_EQ(many.size(), 3U);
  EXPECT_EQ(many[1], one[0]);
  EXPECT_NE(many[0], many[2]);
}

TEST_F(Server, ClassifiesPlainTextAndJson) {
  const auto plain = server->client().Post("/predictions/topics", "a new train", "text/plain");
  ASSERT_TRUE(plain);
  ASSERT_EQ(plain->status, 200) << plain->body;
  const auto [status, json] = server->post("/predictions/topics/1", {{"text", "a new train"}});
  EXPECT_EQ(status, 200);
  EXPECT_EQ(Json::parse(plain->body), json);
  EXPECT_EQ(json.size(), 5U);
  EXPECT_TRUE(json.contains("科学"));
}

TEST_F(Server, RefusesBadRequestsByName) {
  EXPECT_THAT(refused(404, "/qa/nope", {{"question", "a"}, {"context", "b"}}), HasSubstr("nope"));
  EXPECT_THAT(refused(404, "/predictions/topics/9", {{"text", "a"}}), HasSubstr("9"));
  EXPECT_THAT(refused(400, "/qa/qa0", {{"question", ""}, {"context", "b"}}), HasSubstr("question"));
  EXPECT_THAT(refused(400, "/qa/qa0", {{"question", "a"}, {"context", ""}}), HasSubstr("context"));
  EXPECT_THAT(refused(400, "/qa/qa0", {{"question", "a"}}), HasSubstr("context"));
  EXPECT_THAT(refused(400, "/qa/qa0", {{"question", 1}, {"context", "b"}}), HasSubstr("question"));
  EXPECT_THAT(refused(400, "/qa/qa0", {{"question", "a"}, {"context", "b"}, {"tok_k", 2}}),
              HasSubstr("tok_k"));
  EXPECT_THAT(refused(400, "/qa/qa0", {{"question", "a"}, {"context", "b"}, {"top_k", 0}}),
              HasSubstr("top_k"));
  EXPECT_THAT(refused(400, "/qa/qa0", {{"question", "a"}, {"context", "b"}, {"top_k", 1.5}}),
              HasSubstr("top_k"));
  EXPECT_THAT(refused(400, "/qa/topics", {{"question", "a"}, {"context", "b"}}),
              HasSubstr("topics"));
  EXPECT_THAT(refused(400, "/embed", {{"inputs", 3}}), HasSubstr("inputs"));
  EXPECT_THAT(refused(400, "/embed", {{"inputs", "a"}, {"model", "qa0"}}), HasSubstr("qa0"));
  const std::string long_text(1 << 20, 'x');
  EXPECT_EQ(server->post("/qa/qa0", {{"question", "a"}, {"context", long_text + "x"}}).first, 413);
  EXPECT_EQ(server->client().Post("/qa/qa0", "{\"question\":", "application/json")->status, 400);
  EXPECT_EQ(server->client()
                .Post("/qa/qa0", "{\"question\":\"\xff\",\"context\":\"b\"}", "application/json")
                ->status,
            400);
  EXPECT_EQ(server->get("/nothing").first, 404);
  EXPECT_EQ(server->client().Delete("/qa/qa0")->status, 405);
  // It goes on serving.
  EXPECT_EQ(server->post("/qa/qa0", {{"question", "a"}, {"context", "b"}}).first, 200);
}

TEST_F(Server, AnswersALongContextInWindows) {
  std::string context;
  for (int i = 0; i < 800; ++i) context += "the bridge of the old town ";
  const auto [status, answer] =
      server->post("/qa/qa0", {{"question", "which bridge?"}, {"context", context}});
  EXPECT_EQ(status, 200) << answer;
}

TEST_F(Server, ADeadlineThatPassesIs504) {
  std::string context;
  for (int i = 0; i < 30000; ++i) context += "the bridge of the old town ";
  const auto reply = server->client().Post(
      "/qa/qa0", httplib::Headers{{"X-Request-Timeout-Ms", "1"}},
      Json{{"question", "which?"}, {"context", context}}.dump(), "application/json");
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, 504) << reply->body;
  EXPECT_EQ(server->post("/qa/qa0", {{"question", "a"}, {"context", "b"}}).first, 200);
}

TEST_F(Server, InspectShowsOneCopyMappedByAllWorkers) {
  // Both workers serve once, at the same time, so that both have the model attached.
  std::vector<std::thread> clients;
  clients.reserve(8);
  for (int i = 0; i < 8; ++i) {
    clients.emplace_back([&] {
      for (int k = 0; k < 20; ++k)
        server->post("/qa/qa0", {{"question", "who?"}, {"context", "it was me"}});
    });
  }
  for (auto& client : clients) client.join();
  const auto report =
      run_program("onecopy", {"inspect", "--instance", server->instance(), "--json"});
  ASSERT_EQ(report.exit_code, 0) << report.err;
  EXPECT_TRUE(Json::accept(report.out)) << report.out;
  for (const pid_t worker : server->processes("onecopy-worker")) {
    EXPECT_THAT(report.out, HasSubstr(std::to_string(worker)));
  }
  const auto table = run_program("onecopy", {"inspect", "--instance", server->instance()});
  EXPECT_EQ(table.exit_code, 0);
  EXPECT_THAT(table.out, HasSubstr("qa0"));
}

TEST_F(Server, PsShowsTheProcessesByName) {
  // A worker takes its name after it was forked, which is when the server is ready.
  EXPECT_TRUE(eventually([] { return server->processes("onecopy-worker").size() == 2; }));
  EXPECT_EQ(server->processes("onecopy-nursery").size(), 1U);
  EXPECT_EQ(server->processes("onecopy-gateway").size(), 1U);
  std::ifstream file("/proc/" + std::to_string(server->processes("onecopy-worker").at(0)) +
                     "/cmdline");
  std::string first;
  std::getline(file, first, '\0');
  EXPECT_EQ(first, "onecopy-worker");
}

// ---- starting ----

std::string refused_start(const std::vector<std::string>& arguments, int exit_code) {
  const std::string instance = unique_instance();
  std::vector<std::string> all{"serve", "--management-port", "0", "--instance", instance};
  all.insert(all.end(), arguments.begin(), arguments.end());
  if (std::find(all.begin(), all.end(), "--port") == all.end()) {
    all.insert(all.end(), {"--port", "0"});
  }
  const Finished run = run_program("onecopy", all);
  EXPECT_EQ(run.exit_code, exit_code) << run.err << run.out;
  EXPECT_THAT(run.out, Not(HasSubstr("ready on")));
  for (const auto& entry : std::filesystem::directory_iterator("/dev/shm")) {
    EXPECT_THAT(entry.path().string(), Not(HasSubstr(":" + instance + ":"))) << "left behind";
  }
  return run.err;
}

TEST(Start, RefusesWhatCannotBeServedInOneLine) {
  EXPECT_THAT(refused_start({}, 2), HasSubstr("--model"));
  EXPECT_THAT(refused_start({"--model", "qa0"}, 2), HasSubstr("NAME=DIR"));
  EXPECT_THAT(refused_start({"--model", "a/b=/tmp"}, 2), HasSubstr("a/b"));
  EXPECT_THAT(refused_start({"--model", "qa0=/nonexistent/folder"}, 2),
              HasSubstr("/nonexistent/folder"));
  EXPECT_THAT(refused_start({"--model", "qa0=/tmp,precision=int4"}, 2), HasSubstr("int4"));
  EXPECT_THAT(refused_start({"--model", "qa0=/tmp,version=0"}, 2), HasSubstr("version"));
  const std::string qa = "qa0=" + model_folder("tiny-bert-qa");
  EXPECT_THAT(refused_start({"--model", qa, "--model", qa}, 2), HasSubstr("twice"));
  EXPECT_THAT(refused_start({"--model", qa, "--workers", "0"}, 2), HasSubstr("workers"));
  EXPECT_THAT(refused_start({"--model", qa, "--nonsense"}, 2), HasSubstr("nonsense"));
  EXPECT_THAT(refused_start({"--config", "/nonexistent.toml"}, 2), HasSubstr("/nonexistent.toml"));
}

// Each model is tried before it is served.
TEST(Start, RefusesAModelWhoseScoresAreNotFinite) {
  const auto folder = std::filesystem::temp_directory_path() / unique_instance();
  std::filesystem::copy(model_folder("tiny-bert-qa"), folder,
                        std::filesystem::copy_options::recursive);
  {
    std::fstream weights(folder / "model.safetensors",
                         std::ios::in | std::ios::out | std::ios::binary);
    weights.seekp(-4096, std::ios::end);
    weights << std::string(4096, '\xff');  // as f32: not a number
  }
  EXPECT_THAT(refused_start({"--workers", "1", "--model", "qa0=" + folder.string()}, 2),
              HasSubstr("not finite"));
  std::filesystem::remove_all(folder);
}

TEST(Start, RefusesAPortInUse) {
  ServerProcess first({"--model", "qa0=" + model_folder("tiny-bert-qa")});
  ASSERT_TRUE(first.running());
  const std::string port = std::to_string(first.port());
  EXPECT_THAT(refused_start({"--model", "qa0=" + model_folder("tiny-bert-qa"), "--port", port}, 1),
              HasSubstr(port));
  EXPECT_EQ(first.stop(), 0);
}

TEST(Start, TwoInstancesLiveSideBySideButNotUnderOneName) {
  ServerProcess first({"--model", "qa0=" + model_folder("tiny-bert-qa")});
  ServerProcess second({"--model", "qa0=" + model_folder("tiny-bert-qa")});
  ASSERT_TRUE(first.running() && second.running());
  ServerProcess third({"--model", "qa0=" + model_folder("tiny-bert-qa")}, first.instance());
  EXPECT_FALSE(third.running());
  EXPECT_EQ(third.wait(), 1);
  EXPECT_EQ(first.get("/healthz").first, 200);
  EXPECT_EQ(first.stop(), 0);
  EXPECT_EQ(second.get("/healthz").first, 200);
  EXPECT_EQ(second.shared_memory().empty(), false);
  EXPECT_EQ(second.stop(), 0);
}

// The host computes nothing: a process of its own compares the precisions.
TEST(Start, ChoosesThePrecisionItself) {
  ServerProcess server(
      {"--workers", "1", "--model", "emb=" + model_folder("tiny-bert-embed") + ",precision=auto"});
  ASSERT_TRUE(server.running());
  EXPECT_THAT(server.output(), HasSubstr("auto: logits within"));
  EXPECT_EQ(server.post("/embed", {{"inputs", "one"}}).first, 200);
  EXPECT_EQ(server.stop(), 0);
}

TEST(Start, ReadsAConfigFile) {
  const auto file = std::filesystem::temp_directory_path() / (unique_instance() + ".toml");
  std::ofstream(file) << "workers = 1\nport = 1\n[[model]]\nname = \"topics\"\npath = \""
                      << model_folder("tiny-roberta-cls")
                      << "\"\n[[model]]\nname = \"qa0\"\npath = \"/nonexistent\"\n";
  // The command line wins: port, and the model of the same name.
  ServerProcess server(
      {"--config", file.string(), "--model", "qa0=" + model_folder("tiny-bert-qa")});
  ASSERT_TRUE(server.running()) << server.output();
  EXPECT_TRUE(eventually([&] { return server.processes("onecopy-worker").size() == 1; }));
  EXPECT_EQ(server.post("/predictions/topics", {{"text", "a"}}).first, 200);
  EXPECT_EQ(server.post("/qa/qa0", {{"question", "a"}, {"context", "b"}}).first, 200);
  EXPECT_EQ(server.stop(), 0);
  std::ofstream(file) << "wrokers = 1\n";
  EXPECT_THAT(refused_start({"--config", file.string()}, 2), HasSubstr("wrokers"));
  std::ofstream(file) << "workers = \n";
  EXPECT_THAT(refused_start({"--config", file.string()}, 2), HasSubstr("line 1"));
  std::filesystem::remove(file);
}

TEST(CommandLine, HelpAndVersion) {
  EXPECT_THAT(run_program("onecopy", {"--version"}).out, HasSubstr("onecopy 0."));
  for (const char* command : {"serve", "inspect", "clean", "tokenize", "ask"}) {
    const Finished help = run_program("onecopy", {command, "--help"});
    EXPECT_EQ(help.exit_code, 0) << command;
    EXPECT_THAT(help.out, HasSubstr("--help")) << command;
    EXPECT_THAT(run_program("onecopy", {"--help"}).out, HasSubstr(command));
  }
  EXPECT_EQ(run_program("onecopy", {}).exit_code, 2);
  EXPECT_EQ(run_program("onecopy", {"frobnicate"}).exit_code, 2);
  EXPECT_EQ(run_program("onecopy", {"ask", "--url", "http://127.0.0.1:1", "--model", "m", "q", "c"})
                .exit_code,
            1);
}

}  // namespace
}  // namespace onecopy::e2e
