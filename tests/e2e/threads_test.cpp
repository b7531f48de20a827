// That a lone request gets the cores that are idle, as seen in the mailboxes and in /proc.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <filesystem>

#include "shared/base/cpu_count.h"
#include "shared/protocol/mailbox_format.h"
#include "tests/e2e/mailboxes.h"
#include "tests/e2e/server_process.h"

namespace onecopy::e2e {
namespace {

using ::testing::ElementsAre;

// What the gateway has granted last to each worker, in rising order.
std::vector<std::uint32_t> grants(pid_t gateway) {
  return read_mailboxes<std::uint32_t>(gateway, offsetof(MailboxHeader, threads));
}

// How many threads each worker has, in rising order.
std::vector<std::uint32_t> threads_of_workers(const ServerProcess& server) {
  std::vector<std::uint32_t> found;
  for (const pid_t worker : server.processes("onecopy-worker")) {
    const std::filesystem::directory_iterator tasks("/proc/" + std::to_string(worker) + "/task");
    found.push_back(static_cast<std::uint32_t>(std::distance(begin(tasks), end(tasks))));
  }
  std::ranges::sort(found);
  return found;
}

TEST(Threads, ALoneRequestGetsAllCores) {
  const unsigned cores = usable_cores();
  if (cores == 1) GTEST_SKIP() << "one core";
  ServerProcess server({"--workers", "2", "--model", "qa0=" + model_folder("tiny-bert-qa")});
  ASSERT_TRUE(server.running()) << server.output();
  // A worker takes its name after it was forked, which is when the server is ready.
  ASSERT_TRUE(eventually([&] { return server.processes("onecopy-worker").size() == 2; }));
  EXPECT_THAT(threads_of_workers(server), ElementsAre(1, 1));  // none before they are of use

  std::string context;  // long enough to be worth several threads
  for (int i = 0; i < 800; ++i) context += "the bridge of the old town ";
  EXPECT_EQ(server.post("/qa/qa0", {{"question", "which bridge?"}, {"context", context}}).first,
            200);
  EXPECT_THAT(grants(server.processes("onecopy-gateway").at(0)), ElementsAre(1, cores));
  EXPECT_THAT(threads_of_workers(server), ElementsAre(1, cores));
  EXPECT_EQ(server.stop(), 0);
}

}  // namespace
}  // namespace onecopy::e2e
