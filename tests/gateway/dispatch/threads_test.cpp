// How many threads the workers find in their mailboxes while requests come and go.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "tests/gateway/test_gateway.h"

namespace onecopy::gateway {
namespace {

const std::string kQuestion = "/qa0?question=q&context=context";

// Two workers on four cores, each behind a door of its own.
class Threads : public testing::Test {
 protected:
  void SetUp() override {
    for (int i = 0; i < 2; ++i) {
      workers_[i] = &gateway_.add_worker([this, i](const WorkRequest& request) {
        doors_[i].wait();
        return request.text == "die" ? std::nullopt : answer_plainly(request);
      });
    }
    gateway_.ready();
  }
  void TearDown() override {
    for (Door& door : doors_) door.open();
  }
  void wait_until_taken(int items) const {
    while (workers_[0]->taken() + workers_[1]->taken() < items) std::this_thread::yield();
  }
  static Settings four_cores() {
    Settings settings;
    settings.cores = 4;
    return settings;
  }

  Door doors_[2];
  TestGateway gateway_{four_cores()};
  FakeWorker* workers_[2] = {};
};

TEST_F(Threads, ALoneRequestGetsAllCoresAndSharesThemWithTheNext) {
  RawClient first = gateway_.connect();
  first.send(get_request(kQuestion));
  wait_until_taken(1);
  const int one = workers_[0]->taken() == 1 ? 0 : 1;
  const int other = 1 - one;
  EXPECT_EQ(workers_[one]->threads(), 4U);

  RawClient second = gateway_.connect();
  second.send(get_request(kQuestion));
  wait_until_taken(2);
  EXPECT_EQ(workers_[one]->threads(), 2U);
  EXPECT_EQ(workers_[other]->threads(), 2U);

  doors_[other].open();
  EXPECT_EQ(second.read_reply().status, 200);
  EXPECT_EQ(workers_[one]->threads(), 4U);
}

TEST_F(Threads, ADeadWorkersCoresGoToTheOthers) {
  RawClient first = gateway_.connect();
  first.send(get_request(kQuestion));
  wait_until_taken(1);
  const int one = workers_[0]->taken() == 1 ? 0 : 1;
  RawClient second = gateway_.connect();
  second.send(get_request("/qa0?question=die&context=context"));
  wait_until_taken(2);
  EXPECT_EQ(workers_[one]->threads(), 2U);
  doors_[1 - one].open();
  gateway_.wait_for_death();
  EXPECT_EQ(workers_[one]->threads(), 4U);
}

TEST_F(Threads, ItemsThatStartTogetherShareFromTheBeginning) {
  RawClient client = gateway_.connect();
  client.send(post_request("/embed", R"({"inputs": ["a", "b", "c"]})"));
  wait_until_taken(3);  // one worker takes two of them: both must have taken theirs
  EXPECT_EQ(workers_[0]->threads_at_start(), 2U);
  EXPECT_EQ(workers_[1]->threads_at_start(), 2U);
}

}  // namespace
}  // namespace onecopy::gateway
