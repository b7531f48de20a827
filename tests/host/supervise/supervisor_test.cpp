#include "host/supervise/supervisor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "shared/base/limits.h"

namespace onecopy::host {
namespace {

using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// Processes that live in a table, and a clock that stands still.
class FakePorts final : public SupervisorPorts {
 public:
  Clock::time_point now() const override { return time; }
  Result<bool> find(Role role) override { return alive_before.contains(role); }
  Status watch(Role role, pid_t /*pid*/) override {
    known.insert(role);
    return {};
  }
  Status start(Role role) override {
    ++starts[role];
    if (broken.contains(role)) return fail(ErrorCode::kSystem, "cannot run it");
    known.insert(role);
    return {};
  }
  void send(Role role, const Json& message, int fd) override {
    sent.push_back(fmt::format("{}:{}", to_string(role), message["type"].get<std::string>()));
    with_fd += fd >= 0 ? 1 : 0;
  }
  bool kill(Role role) override {
    kills.push_back(role);
    return known.erase(role) != 0;
  }
  int count(const std::string& what) const {
    return static_cast<int>(std::count(sent.begin(), sent.end(), what));
  }

  Clock::time_point time{1h};
  std::set<Role> alive_before;
  std::set<Role> broken;
  std::set<Role> known;
  std::map<Role, int> starts;
  std::vector<std::string> sent;
  std::vector<Role> kills;
  int with_fd = 0;
};

class FakeEvents final : public SupervisorEvents {
 public:
  void on_hello(Role role, const Json& /*hello*/) override { note("hello", role); }
  void on_kept(Role role, ControlMessage& /*message*/) override { note("kept", role); }
  void on_found() override { log.emplace_back("found"); }
  void on_up(Role role) override { note("up", role); }
  void on_message(Role role, ControlMessage& message) override { note(message.type, role); }
  void on_down(Role role) override { note("down", role); }
  void on_ended(const Status& status) override {
    ++ends;
    ended = status;
  }
  void note(std::string_view what, Role role) {
    log.push_back(fmt::format("{} {}", what, to_string(role)));
  }
  std::vector<std::string> log;
  int ends = 0;
  std::optional<Status> ended;
};

class SupervisorTest : public testing::Test {
 protected:
  void say(Role role, const Json& said) {
    Json body = Json::parse(said.dump());  // as it comes: numbers are unsigned then
    std::string type = body["type"];
    ControlMessage message{std::move(type), std::move(body), {}};
    supervisor_.on_message(role, message);
  }
  void greet(Role role) {
    say(role, to_json(Hello{.role = std::string(to_string(role)), .pid = 1}));
    say(role, {{"type", "kept"}});
  }
  void die(Role role) {
    ports_.known.erase(role);
    supervisor_.on_closed(role, "it closed its channel");
    supervisor_.on_exit(role, "killed by signal 9");
  }
  void die_of_kill(Role role) { supervisor_.on_exit(role, "killed by signal 9"); }
  // Up to the next thing that is due, at most for this long.
  void pass(Clock::duration time) {
    const auto until = ports_.time + time;
    for (int i = 0; i < 1000 && supervisor_.next_tick() <= until; ++i) {
      ports_.time = std::max(ports_.time, supervisor_.next_tick());
      supervisor_.tick();
    }
    ports_.time = until;
  }
  void serve() {
    supervisor_.find();
    supervisor_.serve();
    greet(Role::kGateway);
    greet(Role::kNursery);
    supervisor_.set_ready();
  }

  FakePorts ports_;
  FakeEvents events_;
  Supervisor supervisor_{ports_, events_};
};

TEST_F(SupervisorTest, StartsBothAndGivesThemAChannelToEachOther) {
  supervisor_.find();
  EXPECT_THAT(events_.log, ElementsAre("found"));
  supervisor_.serve();
  EXPECT_EQ(ports_.starts[Role::kGateway], 1);
  EXPECT_EQ(ports_.starts[Role::kNursery], 1);
  greet(Role::kGateway);
  EXPECT_THAT(ports_.sent, IsEmpty());
  greet(Role::kNursery);
  EXPECT_THAT(ports_.sent, ElementsAre("gateway:nursery", "nursery:gateway"));
  EXPECT_EQ(ports_.with_fd, 2);
}

TEST_F(SupervisorTest, GatewayThenNursery) {
  serve();
  die(Role::kGateway);
  die(Role::kNursery);
  pass(1s);
  EXPECT_EQ(ports_.starts[Role::kGateway], 2);
  EXPECT_EQ(ports_.starts[Role::kNursery], 2);
  greet(Role::kNursery);
  greet(Role::kGateway);
  EXPECT_EQ(ports_.count("gateway:nursery"), 2);
  EXPECT_EQ(ports_.count("nursery:gateway"), 2);
  EXPECT_EQ(events_.ends, 0);
}

TEST_F(SupervisorTest, EveryOrderOfDeathsEndsWithBothUpAndJoined) {
  serve();
  const std::vector<std::vector<Role>> orders = {
      {Role::kGateway},
      {Role::kNursery},
      {Role::kGateway, Role::kNursery},
      {Role::kNursery, Role::kGateway},
      {Role::kGateway, Role::kGateway, Role::kNursery},
      {Role::kNursery, Role::kNursery, Role::kGateway},
      {Role::kNursery, Role::kGateway, Role::kNursery, Role::kGateway}};
  for (const auto& order : orders) {
    for (const bool greets_between : {false, true}) {
      for (const Role role : order) {
        die(role);
        pass(1s);
        if (greets_between && supervisor_.is_up(role) == false) greet(role);
      }
      for (const Role role : {Role::kGateway, Role::kNursery}) {
        if (!supervisor_.is_up(role)) greet(role);
      }
      EXPECT_TRUE(supervisor_.is_up(Role::kGateway));
      EXPECT_TRUE(supervisor_.is_up(Role::kNursery));
      EXPECT_EQ(ports_.count("gateway:nursery"), ports_.count("nursery:gateway"));
    }
  }
  EXPECT_EQ(events_.ends, 0);
}

TEST_F(SupervisorTest, AReplacedOneGetsANewChannelOnce) {
  serve();
  die(Role::kNursery);
  pass(1s);
  greet(Role::kNursery);
  EXPECT_EQ(ports_.count("gateway:nursery"), 2);
  pass(4s);
  EXPECT_EQ(ports_.count("gateway:nursery"), 2);
}

TEST_F(SupervisorTest, AGatewayThatFailsToStartAgainIsTriedEverLater) {
  serve();
  ports_.broken.insert(Role::kGateway);
  die(Role::kGateway);
  say(Role::kNursery, {{"type", "pong"}});
  pass(4s);
  EXPECT_GT(ports_.starts[Role::kGateway], 5);
  EXPECT_LT(ports_.starts[Role::kGateway], 20);  // no loop without a pause
  EXPECT_EQ(events_.ends, 0);
  ports_.broken.clear();
  pass(600ms);
  greet(Role::kGateway);
  EXPECT_TRUE(supervisor_.is_up(Role::kGateway));
}

TEST_F(SupervisorTest, NurseryThatDiesBeforeItsHelloIsReplaced) {
  supervisor_.find();
  supervisor_.serve();
  greet(Role::kGateway);
  die(Role::kNursery);
  pass(1s);
  greet(Role::kNursery);
  EXPECT_EQ(ports_.starts[Role::kNursery], 2);
  EXPECT_THAT(events_.log, Contains("up nursery"));
  EXPECT_EQ(events_.ends, 0);
}

TEST_F(SupervisorTest, AStartThatKeepsFailingIsAnError) {
  ports_.broken.insert(Role::kNursery);
  supervisor_.find();
  supervisor_.serve();
  pass(5s);
  EXPECT_LE(ports_.starts[Role::kNursery], 5);
  EXPECT_THAT(ports_.sent, Contains("gateway:drain"));
  die_of_kill(Role::kGateway);
  ASSERT_EQ(events_.ends, 1);
  ASSERT_FALSE(*events_.ended);
  EXPECT_THAT(events_.ended->error().text, HasSubstr("nursery ended before it was ready"));
}

TEST_F(SupervisorTest, ASilentOneIsKilledAndReplaced) {
  serve();
  pass(limits::kPingInterval);
  EXPECT_EQ(ports_.count("gateway:ping"), 1);
  for (Clock::duration silent{}; silent < limits::kSilence; silent += 1s) {
    say(Role::kNursery, {{"type", "pong"}});
    pass(1s);
  }
  EXPECT_THAT(ports_.kills, ElementsAre(Role::kGateway));
  die_of_kill(Role::kGateway);
  pass(100ms);
  EXPECT_EQ(ports_.starts[Role::kGateway], 2);
  EXPECT_EQ(ports_.starts[Role::kNursery], 1);
}

// As after SIGSTOP and SIGCONT: the answers are there, unread.
TEST_F(SupervisorTest, AHostThatStoodStillBlamesNobody) {
  serve();
  pass(limits::kPingInterval);
  ports_.time += 10 * limits::kSilence;
  say(Role::kGateway, {{"type", "pong"}});
  say(Role::kNursery, {{"type", "pong"}});
  supervisor_.tick();
  EXPECT_THAT(ports_.kills, IsEmpty());
}

TEST_F(SupervisorTest, StopsTheGatewayFirst) {
  serve();
  supervisor_.stop();
  EXPECT_EQ(ports_.count("gateway:drain"), 1);
  EXPECT_EQ(ports_.count("nursery:stop"), 0);
  say(Role::kGateway, {{"type", "drained"}});
  die(Role::kGateway);
  EXPECT_EQ(ports_.count("nursery:stop"), 1);
  EXPECT_EQ(events_.ends, 0);
  die(Role::kNursery);
  ASSERT_EQ(events_.ends, 1);
  EXPECT_TRUE(*events_.ended);
  EXPECT_EQ(ports_.starts[Role::kGateway], 1);
  EXPECT_THAT(ports_.kills, IsEmpty());
}

TEST_F(SupervisorTest, NurseryThatDiesWhileTheGatewayDrainsIsNotStartedAgain) {
  serve();
  supervisor_.stop();
  die(Role::kNursery);
  pass(1s);
  die(Role::kGateway);
  EXPECT_EQ(ports_.starts[Role::kNursery], 1);
  EXPECT_EQ(events_.ends, 1);
}

TEST_F(SupervisorTest, ToldToStopBeforeAnybodyGreeted) {
  supervisor_.find();
  supervisor_.serve();
  supervisor_.stop();
  die(Role::kGateway);
  die(Role::kNursery);
  ASSERT_EQ(events_.ends, 1);
  EXPECT_TRUE(*events_.ended);
}

TEST_F(SupervisorTest, ADrainHasADeadline) {
  serve();
  supervisor_.stop();
  pass(limits::kDrainDeadline + 3s);
  EXPECT_THAT(ports_.kills, Contains(Role::kGateway));
  die_of_kill(Role::kGateway);
  pass(limits::kKillDeadline + 3s);
  EXPECT_THAT(ports_.kills, Contains(Role::kNursery));
  die_of_kill(Role::kNursery);
  ASSERT_EQ(events_.ends, 1);
  EXPECT_EQ(events_.ended->error().code, ErrorCode::kDeadline);
}

TEST_F(SupervisorTest, ASecondSignalKillsBoth) {
  serve();
  supervisor_.stop();
  supervisor_.stop();
  EXPECT_THAT(ports_.kills, ElementsAre(Role::kGateway, Role::kNursery));
  die_of_kill(Role::kNursery);
  die_of_kill(Role::kGateway);
  ASSERT_EQ(events_.ends, 1);
  EXPECT_THAT(events_.ended->error().text, HasSubstr("second signal"));
}

TEST_F(SupervisorTest, WhatIsFoundIsNotStartedNorJoinedAnew) {
  ports_.alive_before = {Role::kGateway, Role::kNursery};
  supervisor_.find();
  EXPECT_THAT(events_.log, IsEmpty());
  greet(Role::kGateway);
  EXPECT_THAT(events_.log, Not(Contains("found")));
  greet(Role::kNursery);
  EXPECT_THAT(events_.log, Contains("found"));
  supervisor_.serve();
  EXPECT_EQ(ports_.starts[Role::kGateway] + ports_.starts[Role::kNursery], 0);
  EXPECT_THAT(events_.log, Contains("up gateway"));
  EXPECT_EQ(ports_.count("gateway:nursery"), 0);
}

TEST_F(SupervisorTest, OneThatIsFoundGetsAnOtherToJoin) {
  ports_.alive_before = {Role::kGateway};
  supervisor_.find();
  greet(Role::kGateway);
  supervisor_.serve();
  EXPECT_EQ(ports_.starts[Role::kNursery], 1);
  greet(Role::kNursery);
  EXPECT_EQ(ports_.count("gateway:nursery"), 1);
}

TEST_F(SupervisorTest, AnotherProtocolIsRefusedByNameAndLeftAlone) {
  ports_.alive_before = {Role::kGateway};
  supervisor_.find();
  say(Role::kGateway,
      to_json(Hello{
          .protocol = kProtocolVersion - 1, .version = "0.0.9", .role = "gateway", .pid = 5}));
  ASSERT_EQ(events_.ends, 1);
  EXPECT_TRUE(supervisor_.gave_up());
  EXPECT_THAT(events_.ended->error().text, HasSubstr("0.0.9"));
  EXPECT_THAT(ports_.kills, IsEmpty());
}

TEST_F(SupervisorTest, OneThatIsFoundAndSaysNothingIsNamed) {
  ports_.alive_before = {Role::kNursery};
  supervisor_.find();
  pass(limits::kSilence + 1s);
  ASSERT_EQ(events_.ends, 1);
  EXPECT_THAT(events_.ended->error().text, HasSubstr("nursery does not answer"));
}

}  // namespace
}  // namespace onecopy::host
