// Small worlds: a /dev/shm that is soon full, and a host that is process 1, as in a container.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>

#include "tests/e2e/server_process.h"

namespace onecopy::e2e {
namespace {

using ::testing::HasSubstr;

bool is_possible(std::string command) {
  command += " 2>/dev/null";
  // NOLINTNEXTLINE(concurrency-mt-unsafe): the test has one thread
  return std::system(command.c_str()) == 0;
}

constexpr const char* kTryMount = "unshare --mount mount -t tmpfs tmpfs /dev/shm";

// With a /dev/shm of its own of this size.
Launcher small_shm(const std::string& size) {
  return {"unshare",
          "--mount",
          "sh",
          "-c",
          "mount -t tmpfs -o size=" + size + " tmpfs /dev/shm && exec \"$@\" 2>&1",
          "sh"};
}

std::vector<std::string> one_model() {
  return {"--workers",    "2",
          "--model-root", golden_folder() + "/models",
          "--model",      "qa0=" + model_folder("tiny-bert-qa")};
}

TEST(SmallShm, AStartThatDoesNotFitSaysWhatItNeeds) {
  if (!is_possible(kTryMount)) GTEST_SKIP() << "no mount namespaces here";
  ServerProcess server(one_model(), unique_instance(), small_shm("600k"));
  EXPECT_FALSE(server.running());
  EXPECT_THAT(server.output(), HasSubstr("/dev/shm"));
  EXPECT_EQ(server.wait(), 1);
}

// What serves goes on, and there is room again once something is deleted.
TEST(SmallShm, AModelThatDoesNotFitIsRefusedAndTheOthersServeOn) {
  if (!is_possible(kTryMount)) GTEST_SKIP() << "no mount namespaces here";
  ServerProcess server(one_model(), unique_instance(), small_shm("4m"));
  ASSERT_TRUE(server.running()) << server.output();
  const auto expected = server.post("/qa/qa0", kBridgeQuestion).second;
  httplib::Client management("127.0.0.1", server.management_port());
  const auto add = [&](const std::string& model) {
    const auto reply =
        management.Post("/models?url=" + model + "&model_name=m-" + model + "&synchronous=true");
    return std::pair(reply ? reply->status : -1, reply ? reply->body : to_string(reply.error()));
  };
  std::pair<int, std::string> added{200, ""};
  const std::vector<std::string> models{"tiny-roberta-qa", "tiny-bert-cased-qa", "tiny-bert-embed",
                                        "tiny-distilbert-cls"};
  std::size_t i = 0;
  for (; i < models.size() && added.first == 200; ++i) added = add(models[i]);
  ASSERT_EQ(added.first, 507) << added.second;
  EXPECT_THAT(added.second, HasSubstr("/dev/shm"));
  EXPECT_EQ(server.post("/qa/qa0", kBridgeQuestion).second, expected);
  ASSERT_GT(i, 1U);
  EXPECT_EQ(management.Delete("/models/m-" + models[i - 2])->status, 200);
  EXPECT_TRUE(eventually([&] { return add(models[i - 2]).first == 200; }));
  EXPECT_EQ(server.stop(), 0);
}

TEST(ProcessOne, AdoptsNobodyElsesDeadAndStopsAtOnce) {
  if (!is_possible("unshare --pid --fork --mount-proc true")) {
    GTEST_SKIP() << "no process namespaces here";
  }
  ServerProcess server(one_model(), unique_instance(),
                       {"unshare", "--pid", "--fork", "--mount-proc", "--kill-child"});
  ASSERT_TRUE(server.running()) << server.output();
  const auto expected = server.post("/qa/qa0", kBridgeQuestion).second;
  // Its workers become the host's children.
  const pid_t nursery = server.processes("onecopy-nursery").at(0);
  const auto orphans = server.processes("onecopy-worker");
  ::kill(nursery, SIGKILL);
  for (const pid_t worker : orphans) ::kill(worker, SIGKILL);
  // Reaped: a dead one that is not would still be there.
  for (const pid_t worker : orphans) {
    EXPECT_TRUE(eventually([&] { return ::kill(worker, 0) != 0; }));
  }
  EXPECT_EQ(server.post("/qa/qa0", kBridgeQuestion).second, expected);
  ASSERT_TRUE(eventually([&] { return server.processes("onecopy-worker").size() == 2; }));
  ::kill(server.processes("onecopy-host").at(0), SIGTERM);
  EXPECT_EQ(server.wait(), 0);
  EXPECT_THAT(server.shared_memory(), ::testing::IsEmpty());
}

}  // namespace
}  // namespace onecopy::e2e
