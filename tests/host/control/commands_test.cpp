#include "host/control/commands.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <map>

#include "shared/segment/names.h"

namespace onecopy::host {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Through a channel: numbers are unsigned then.
Json as_it_comes(const Json& sent) { return Json::parse(sent.dump()); }

constexpr auto kHang = Milliseconds(60'000);  // that only a hang reaches

// Real loads; a nursery and a gateway that agree to everything, unless told otherwise.
class CommandsTest : public testing::Test {
 protected:
  CommandsTest() {
    commands_.set_model_root(ONECOPY_SOURCE_DIR "/tests/golden/models");
    trials_.on_nursery_up();
    registrations_.set_arithmetic({});
  }

  void nursery(const Json& message) {
    if (message["type"] != "trial") return;
    Json done{{"type", "trial_done"}, {"id", message["id"]}};
    if (!trial_error_.empty()) done.update({{"error", trial_error_}, {"code", 8}});
    loop_->run_soon([this, done] { trials_.on_trial_done(as_it_comes(done)); });
  }
  void gateway() {
    Json failed = Json::array();
    if (!attach_error_.empty()) {
      for (const auto& model : registry_.snapshot().models) {
        failed.push_back({{"segment", model.segment}, {"error", attach_error_}});
      }
    }
    const Json applied{{"revision", registry_.snapshot().revision}, {"failed", failed}};
    loop_->run_soon([this, applied] { registrations_.on_applied(as_it_comes(applied)); });
  }

  std::uint64_t ask(const std::string& op, const Json& args) {
    commands_.on_command(as_it_comes({{"id", ++last_}, {"op", op}, {"args", args}}));
    return last_;
  }
  void run_until(const std::function<bool()>& condition) {
    const auto give_up = Clock::now() + kHang;
    Timer look(*loop_, [&] {
      if (condition() || Clock::now() >= give_up) return loop_->stop();
      look.set_after(Milliseconds(1));
    });
    look.set_after(Milliseconds(0));
    loop_->run();
    ASSERT_TRUE(condition());
  }
  // Runs once per test, as a loop that was stopped stays so.
  Commands::Answer wait_for(std::uint64_t id) {
    run_until([&] { return answers_.contains(id); });
    return answers_[id];
  }
  static std::vector<std::string> names() {
    return list_segments("commandstest-" + std::to_string(::getpid()));
  }

  std::unique_ptr<EventLoop> loop_{std::move(*EventLoop::create())};
  Reaper reaper_{*loop_};
  ModelRegistry registry_;
  std::string trial_error_;
  std::string attach_error_;
  std::map<std::uint64_t, Commands::Answer> answers_;
  std::uint64_t last_ = 0;
  Trials trials_{[this](const Json& message, int) { nursery(message); }};
  Registrations registrations_{"commandstest-" + std::to_string(::getpid()),
                               {*loop_, reaper_, registry_, trials_, [this] { gateway(); }}};
  Commands commands_{registry_, registrations_, [this] { gateway(); },
                     [this](std::uint64_t id, const Commands::Answer& answer) {
                       EXPECT_TRUE(answers_.emplace(id, answer).second) << "answered twice";
                     }};
};

TEST_F(CommandsTest, RegistersAndSaysSo) {
  const auto answer = wait_for(ask("register", {{"url", "tiny-bert-qa"}, {"model_name", "qa"}}));
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_THAT(answer.body["status"].get<std::string>(),
              HasSubstr("Model \"qa\" Version: 1 registered"));
  ASSERT_NE(registry_.snapshot().find("qa", 1), nullptr);
  EXPECT_EQ(registry_.snapshot().find("qa", 1)->origin, "api");
  ask("unregister", {{"model", "qa"}});
  EXPECT_EQ(answers_[2].status, 200);
  EXPECT_THAT(names(), IsEmpty());
}

TEST_F(CommandsTest, AsynchronouslyWithTheNextFreeVersionAndAStatusToPoll) {
  const auto sync = ask("register", {{"url", "tiny-bert-qa"}, {"model_name", "qa"}});
  const auto async =
      ask("register", {{"url", "tiny-bert-qa"}, {"model_name", "qa"}, {"synchronous", false}});
  ASSERT_TRUE(answers_.contains(async));
  EXPECT_EQ(answers_[async].status, 202);
  EXPECT_EQ(answers_[async].body["version"], 2);
  ask("load_status", {{"model", "qa"}, {"version", 2}});
  EXPECT_EQ(answers_[last_].body["status"], "waiting");
  run_until([&] { return registrations_.idle(); });
  EXPECT_EQ(answers_[sync].status, 200);
  ask("load_status", {{"model", "qa"}, {"version", 2}});
  EXPECT_EQ(answers_[last_].body["status"], "serving");
  // The second borrows all of its tensors from the first.
  EXPECT_GT(registry_.snapshot().find("qa", 2)->bytes_borrowed, 0U);
}

TEST_F(CommandsTest, TheSameVersionTwiceAtOnceIsAConflict) {
  const Json args{{"url", "tiny-bert-qa"}, {"model_name", "qa"}, {"version", 3}};
  const auto first = ask("register", args);
  const auto second = ask("register", args);
  ASSERT_TRUE(answers_.contains(second));
  EXPECT_EQ(answers_[second].status, 409);
  EXPECT_EQ(wait_for(first).status, 200);
  EXPECT_EQ(answers_[ask("register", args)].status, 409);
}

TEST_F(CommandsTest, WhatCannotBeRegistered) {
  const auto status = [&](const Json& args) { return answers_[ask("register", args)].status; };
  EXPECT_EQ(status({{"url", "../golden/models/tiny-bert-qa"}}), 403);
  EXPECT_EQ(status({{"url", "/etc"}}), 403);
  EXPECT_EQ(status({{"url", "missing"}}), 404);
  EXPECT_EQ(status(Json::object()), 400);
  EXPECT_EQ(status({{"url", "tiny-bert-qa"}, {"version", 0}}), 400);
  EXPECT_EQ(status({{"url", "tiny-bert-qa"}, {"version", 4'000'000'000}}), 400);
  EXPECT_EQ(status({{"url", "tiny-bert-qa"}, {"model_name", "a/b"}}), 400);
  EXPECT_EQ(status({{"url", "tiny-bert-qa"}, {"precision", "int4"}}), 400);
  commands_.set_model_root({});
  EXPECT_EQ(status({{"url", "tiny-bert-qa"}}), 403);
  EXPECT_THAT(answers_[last_].body["error"].get<std::string>(), HasSubstr("--model-root"));
}

TEST_F(CommandsTest, ABrokenFolderIsAnErrorThatIsKept) {
  // The folder of all models is none.
  const auto id = ask("register", {{"url", "."}, {"model_name", "all"}, {"synchronous", false}});
  EXPECT_EQ(answers_[id].status, 202);
  run_until([&] { return registrations_.idle(); });
  ask("load_status", {{"model", "all"}, {"version", 1}});
  EXPECT_EQ(answers_[last_].body["status"], "failed");
  EXPECT_THAT(answers_[last_].body["error"].get<std::string>(), HasSubstr("config.json"));
}

TEST_F(CommandsTest, AModelThatFailsItsTrialIsNotServed) {
  trial_error_ = "its answers are not finite";
  const auto answer = wait_for(ask("register", {{"url", "tiny-bert-qa"}}));
  EXPECT_EQ(answer.status, 400);
  EXPECT_THAT(answer.body["error"].get<std::string>(), HasSubstr("not finite"));
  EXPECT_THAT(registry_.snapshot().models, IsEmpty());
}

TEST_F(CommandsTest, AModelThatTheGatewayCannotAttachIsTakenOutAgain) {
  attach_error_ = "no room";
  const auto answer = wait_for(ask("register", {{"url", "tiny-bert-qa"}}));
  EXPECT_EQ(answer.status, 500);
  EXPECT_THAT(answer.body["error"].get<std::string>(), HasSubstr("no room"));
  EXPECT_THAT(registry_.snapshot().models, IsEmpty());
}

TEST_F(CommandsTest, UnregisteringWhileItLoadsCancels) {
  const auto load = ask("register", {{"url", "tiny-bert-qa"}, {"model_name", "qa"}});
  const auto gone = ask("unregister", {{"model", "qa"}});
  EXPECT_EQ(answers_[gone].status, 200);
  EXPECT_EQ(wait_for(load).status, 409);
  EXPECT_THAT(registry_.snapshot().models, IsEmpty());
  EXPECT_THAT(names(), IsEmpty());
}

TEST_F(CommandsTest, AGatewayThatIsGoneGetsNoAnswer) {
  const auto load = ask("register", {{"url", "tiny-bert-qa"}});
  commands_.forget_all();
  run_until([&] { return registrations_.idle(); });
  EXPECT_FALSE(answers_.contains(load));
  EXPECT_EQ(registry_.snapshot().models.size(), 1U);
}

TEST_F(CommandsTest, TrafficDefaultsAndWorkers) {
  const auto status = [&](const std::string& op, const Json& args) {
    return answers_[ask(op, args)].status;
  };
  ask("register", {{"url", "tiny-bert-qa"}, {"model_name", "qa"}});
  ask("register", {{"url", "tiny-bert-qa"}, {"model_name", "qa"}});
  run_until([&] { return registrations_.idle(); });
  EXPECT_EQ(status("set_traffic", {{"model", "qa"}, {"shares", {{"1", 90}, {"2", 10}}}}), 200);
  EXPECT_EQ(status("set_traffic", {{"model", "qa"}, {"shares", {{"1", 90}, {"2", 20}}}}), 400);
  EXPECT_EQ(status("set_traffic", {{"model", "qa"}, {"shares", {{"x", 100}}}}), 400);
  EXPECT_EQ(status("set_default", {{"model", "qa"}, {"version", 9}}), 404);
  EXPECT_EQ(status("set_default", {{"model", "qa"}, {"version", 2}}), 200);
  EXPECT_EQ(status("unregister", {{"model", "qa"}, {"version", 2}}), 403);
  EXPECT_EQ(status("unregister", {{"model", "other"}}), 404);
  EXPECT_EQ(status("set_workers", {{"count", 8}}), 200);
  EXPECT_EQ(registry_.snapshot().workers, (WorkerCounts{8, 8, 8}));
  EXPECT_EQ(status("set_workers", {{"min", 2}, {"max", 4}}), 200);
  EXPECT_EQ(registry_.snapshot().workers, (WorkerCounts{4, 2, 4}));
  EXPECT_EQ(status("set_workers", {{"count", 1}}), 200);
  EXPECT_EQ(registry_.snapshot().workers, (WorkerCounts{1, 1, 4}));
  EXPECT_EQ(status("set_workers", {{"count", 0}}), 400);
  EXPECT_EQ(status("set_workers", {{"min", 5}, {"max", 4}}), 400);
  EXPECT_EQ(status("nonsense", Json::object()), 400);
}

}  // namespace
}  // namespace onecopy::host
