// The config file is read anew while requests are served.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "tests/e2e/server_process.h"

namespace onecopy::e2e {
namespace {

using ::testing::HasSubstr;

class Reload : public testing::Test {
 protected:
  Reload() : file_(std::filesystem::temp_directory_path() / (unique_instance() + ".toml")) {}
  ~Reload() override { std::filesystem::remove(file_); }

  static std::string model(const std::string& name, const std::string& folder,
                           const std::string& more = "") {
    return "[[model]]\nname = \"" + name + "\"\npath = \"" + model_folder(folder) + "\"\n" + more;
  }
  void write(const std::string& text) { std::ofstream(file_) << "workers = 1\n" << text; }
  static Finished reload(const ServerProcess& server) {
    return run_program("onecopy", {"reload", "--instance", server.instance()});
  }
  std::filesystem::path file_;
};

TEST_F(Reload, ModelsComeAndGo) {
  write(model("a", "tiny-bert-qa"));
  ServerProcess server({"--config", file_.string()});
  ASSERT_TRUE(server.running());
  write(model("b", "tiny-bert-qa"));
  const Finished done = reload(server);
  EXPECT_EQ(done.exit_code, 0) << done.err;
  EXPECT_THAT(done.out, HasSubstr("a:1 removed"));
  EXPECT_THAT(done.out, HasSubstr("b:1 added"));
  EXPECT_TRUE(eventually([&] { return server.post("/qa/b", kBridgeQuestion).first == 200; }));
  EXPECT_TRUE(eventually([&] { return server.post("/qa/a", kBridgeQuestion).first == 404; }));
  EXPECT_THAT(reload(server).out, HasSubstr("nothing is different"));
  EXPECT_EQ(server.stop(), 0);
  EXPECT_TRUE(server.shared_memory().empty());
}

TEST_F(Reload, SighupDoesTheSame) {
  write(model("a", "tiny-bert-qa"));
  ServerProcess server({"--config", file_.string()});
  ASSERT_TRUE(server.running());
  write(model("a", "tiny-bert-qa") + model("b", "tiny-roberta-qa"));
  server.signal(SIGHUP);
  EXPECT_TRUE(eventually([&] { return server.post("/qa/b", kBridgeQuestion).first == 200; }));
  EXPECT_EQ(server.post("/qa/a", kBridgeQuestion).first, 200);
  EXPECT_EQ(server.stop(), 0);
}

TEST_F(Reload, AWrongFileChangesNothingAndSaysWhy) {
  write(model("a", "tiny-bert-qa"));
  ServerProcess server({"--config", file_.string()});
  ASSERT_TRUE(server.running());
  write("wrong-key = 1\n");
  const Finished done = reload(server);
  EXPECT_EQ(done.exit_code, 2);
  EXPECT_THAT(done.err, HasSubstr("wrong-key"));
  EXPECT_THAT(done.err, HasSubstr("nothing was changed"));
  EXPECT_EQ(server.post("/qa/a", kBridgeQuestion).first, 200);
  EXPECT_EQ(server.stop(), 0);
}

TEST_F(Reload, AChangedModelIsLoadedBesideAndThenServes) {
  write(model("a", "tiny-bert-qa"));
  ServerProcess server({"--config", file_.string()});
  ASSERT_TRUE(server.running());
  const auto before = server.shared_memory();
  write(model("a", "tiny-roberta-qa"));
  EXPECT_THAT(reload(server).out, HasSubstr("a:1 changed"));
  EXPECT_TRUE(eventually([&] {
    EXPECT_EQ(server.post("/qa/a", kBridgeQuestion).first, 200);  // all the time
    const auto now = server.shared_memory();
    return now.size() == 1 && now != before;
  }));
  EXPECT_EQ(server.stop(), 0);
}

TEST_F(Reload, KeysThatNeedARestartAreNamed) {
  write(model("a", "tiny-bert-qa"));
  ServerProcess server({"--config", file_.string()});
  ASSERT_TRUE(server.running());
  write("orphans = \"end\"\n" + model("a", "tiny-bert-qa"));
  EXPECT_THAT(reload(server).out, HasSubstr("orphans: keep stays"));
  EXPECT_EQ(server.stop(), 0);
}

TEST_F(Reload, WithoutAFileThereIsNothingToRead) {
  ServerProcess server({"--workers", "1", "--model", "a=" + model_folder("tiny-bert-qa")});
  ASSERT_TRUE(server.running());
  EXPECT_EQ(reload(server).exit_code, 2);
  EXPECT_EQ(server.stop(), 0);
}

}  // namespace
}  // namespace onecopy::e2e
