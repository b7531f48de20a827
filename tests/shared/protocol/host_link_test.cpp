#include "shared/protocol/host_link.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "shared/base/limits.h"
#include "tests/shared/protocol/kept_fixture.h"
#include "tests/shared/protocol/link_recorder.h"

namespace onecopy {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

std::string unique_instance() { return fmt::format("test-hostlink-{}", ::getpid()); }

// What the child that owns the link is told.
struct Child final : HostLink::Events {
  void on_host_connected() override { said.emplace_back("connected"); }
  void on_host_gone() override { said.emplace_back("gone"); }
  std::vector<FailedSegment> on_registry(const RegistrySnapshot& registry) override {
    said.push_back(fmt::format("registry {}", registry.revision));
    return failed;
  }
  void on_listener(const std::string& port) override { said.push_back("listener " + port); }
  void on_host_message(ControlMessage& message) override { said.push_back(message.type); }
  void on_stop_asked() override { said.emplace_back("stop asked"); }

  std::vector<std::string> said;
  std::vector<FailedSegment> failed;
};

// A process that has connected.
struct Client {
  Client(EventLoop& loop, const std::string& role, std::uint64_t protocol = kProtocolVersion)
      : link(loop, recorder, connect_to(unique_instance(), Role::kNursery).value()) {
    EXPECT_TRUE(link.start());
    if (role.empty()) return;
    Hello hello{.role = role, .pid = ::getpid()};
    hello.protocol = protocol;
    link.send(to_json(hello));
  }
  bool has(const std::string& type) const {
    const auto types = recorder.types();
    return std::find(types.begin(), types.end(), type) != types.end();
  }
  const Json& last() const { return recorder.messages.back().body; }

  LinkRecorder recorder;
  ControlLink link;
};

class HostLinkTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(host_.start()); }

  bool until(const std::function<bool()>& condition) { return run_until(*loop_, condition); }
  // A connected host that was given everything.
  std::unique_ptr<Client> host() {
    auto client = std::make_unique<Client>(*loop_, "host");
    EXPECT_TRUE(until([&] { return client->has("kept"); }));
    return client;
  }
  void send(Client& client, const ControlMessage& message) {
    client.link.send(message.body, message.fd.get());
  }

  std::unique_ptr<EventLoop> loop_ = EventLoop::create().value();
  Child child_;
  HostLink host_{*loop_, child_, listen_at(unique_instance(), Role::kNursery).value(),
                 to_json(Hello{.role = "nursery", .pid = 1})};
};

TEST_F(HostLinkTest, AHostIsGreetedAndGivenWhatIsKept) {
  const auto client = host();
  EXPECT_THAT(client->recorder.types(), ElementsAre("hello", "kept"));
  EXPECT_EQ(client->recorder.messages[0].body["role"], "nursery");
  EXPECT_TRUE(host_.has_host());
  EXPECT_THAT(child_.said, ElementsAre("connected"));
}

TEST_F(HostLinkTest, TheNextHostIsGivenWhatTheFirstOneSent) {
  auto first = host();
  send(*first, listener_message("inference"));
  send(*first, segment_message(kSegmentA));
  send(*first, registry_message(registry_of(3, {kSegmentA})));
  ASSERT_TRUE(until([&] { return first->has("applied"); }));
  first.reset();
  ASSERT_TRUE(until([&] { return !host_.has_host(); }));
  const auto second = host();
  EXPECT_THAT(second->recorder.types(),
              ElementsAre("hello", "listener", "segment", "registry", "kept"));
  EXPECT_EQ(second->recorder.messages[3].body["revision"], 3);
  EXPECT_THAT(child_.said,
              ElementsAre("connected", "listener inference", "registry 3", "gone", "connected"));
}

TEST_F(HostLinkTest, ANewerHostReplacesTheOlder) {
  const auto older = host();
  const auto newer = host();
  ASSERT_TRUE(until([&] { return !older->recorder.closed.empty(); }));
  EXPECT_TRUE(host_.has_host());
  EXPECT_THAT(child_.said, ElementsAre("connected", "connected"));  // it never was without
  host_.send({{"type", "news"}});
  ASSERT_TRUE(until([&] { return newer->has("news"); }));
  EXPECT_FALSE(older->has("news"));
}

TEST_F(HostLinkTest, AnswersPings) {
  const auto client = host();
  client->link.send({{"type", "ping"}, {"n", (1ULL << 40U) + 1}});
  ASSERT_TRUE(until([&] { return client->has("pong"); }));
  EXPECT_EQ(client->last()["n"], (1ULL << 40U) + 1);
}

TEST_F(HostLinkTest, SaysWhichSegmentsFailed) {
  const auto client = host();
  child_.failed = {{kSegmentA, "no memory"}};
  send(*client, segment_message(kSegmentA));
  send(*client, registry_message(registry_of(1, {kSegmentA})));
  ASSERT_TRUE(until([&] { return client->has("applied"); }));
  EXPECT_EQ(client->last()["revision"], 1);
  EXPECT_EQ(client->last()["failed"],
            Json::array({{{"segment", kSegmentA}, {"error", "no memory"}}}));
}

TEST_F(HostLinkTest, RefusesARegistryThatContradictsItself) {
  const auto client = host();
  send(*client, registry_message(registry_of(1, {kSegmentA})));  // the segment did not come
  ASSERT_TRUE(until([&] { return client->has("refused"); }));
  EXPECT_THAT(client->last()["error"].get<std::string>(), HasSubstr(kSegmentA));
  EXPECT_THAT(child_.said, ElementsAre("connected"));
}

TEST_F(HostLinkTest, OtherMessagesAreTheChilds) {
  const auto client = host();
  client->link.send({{"type", "drain"}});
  EXPECT_TRUE(until([&] { return child_.said.back() == "drain"; }));
}

TEST_F(HostLinkTest, ACommandLineMayStopWhereThereIsNoHost) {
  Client tool(*loop_, "cli");
  ASSERT_TRUE(until([&] { return tool.has("hello"); }));
  tool.link.send({{"type", "stop"}});
  ASSERT_TRUE(until([&] { return !child_.said.empty(); }));
  EXPECT_THAT(child_.said, ElementsAre("stop asked"));
  EXPECT_FALSE(host_.has_host());
}

TEST_F(HostLinkTest, WhoIsNotTheHostMovesNothingWhileThereIsOne) {
  const auto client = host();
  Client tool(*loop_, "cli");
  for (const char* type : {"stop", "drain", "registry", "segment", "ping"}) {
    tool.link.send({{"type", type}, {"n", 1}});
  }
  tool.link.send({{"type", "bad"}, {"n", "x"}});
  tool.link.close();
  client->link.send({{"type", "last"}});
  ASSERT_TRUE(until([&] { return child_.said.back() == "last"; }));
  int rounds = 0;
  until([&] { return ++rounds > 10; });
  EXPECT_THAT(child_.said, ElementsAre("connected", "last"));
}

TEST_F(HostLinkTest, AnotherProtocolIsRefusedByName) {
  Client stranger(*loop_, "host", kProtocolVersion + 1);
  ASSERT_TRUE(until([&] { return !stranger.recorder.closed.empty(); }));
  EXPECT_THAT(stranger.recorder.types(), ElementsAre("hello"));  // it can say who we are
  EXPECT_FALSE(host_.has_host());
  EXPECT_THAT(child_.said, SizeIs(0));
}

TEST_F(HostLinkTest, MalformedClientsGoAndTheHostStays) {
  const auto client = host();
  for (const char* text : {"x", "{}", R"({"type":"registry"})", R"({"type":"hello"})",
                           R"({"type":"hello","protocol":"3"})",
                           R"({"type":"hello","protocol":3,"version":"1","role":"host"})",
                           R"({"type":"hello","protocol":3,"version":"1","role":1,"pid":1})"}) {
    const UniqueFd channel = connect_to(unique_instance(), Role::kNursery).value();
    ASSERT_TRUE(send_message(channel.get(), std::as_bytes(std::span(text, std::strlen(text)))));
    ASSERT_TRUE(until([&] {
      const auto message = receive_control(channel.get());
      return !message && message.error().code == ErrorCode::kUnavailable;
    })) << text;
  }
  EXPECT_TRUE(host_.has_host());
  EXPECT_THAT(child_.said, ElementsAre("connected"));
}

TEST_F(HostLinkTest, MalformedMessagesOfAHostChangeNothing) {
  const auto client = host();
  for (const char* text :
       {R"({"type":"ping"})", R"({"type":"ping","n":"x"})", R"({"type":"ping","n":-1})",
        R"({"type":"ping","n":{}})", R"({"type":"segment"})", R"({"type":"segment","name":1})",
        R"({"type":"listener","port":1})", R"({"type":"registry","revision":"x"})"}) {
    client->link.send(Json::parse(text));
  }
  client->link.send({{"type", "last"}});
  ASSERT_TRUE(until([&] { return child_.said.back() == "last"; }));
  EXPECT_THAT(child_.said, ElementsAre("connected", "last"));
  EXPECT_TRUE(client->link.is_open());
}

TEST_F(HostLinkTest, ThoseWhoSayNothingLockNobodyOut) {
  const auto first = host();
  std::vector<std::unique_ptr<Client>> silent;
  for (std::size_t i = 0; i < 3 * limits::kControlClients; ++i) {
    silent.push_back(std::make_unique<Client>(*loop_, ""));
    int rounds = 0;
    until([&] { return ++rounds > 2; });  // or the socket's queue is full
  }
  EXPECT_TRUE(first->link.is_open());
  const auto second = host();
  EXPECT_TRUE(host_.has_host());
}

TEST_F(HostLinkTest, NobodyFindsAClosedRendezvous) {
  host_.close_rendezvous();
  EXPECT_EQ(connect_to(unique_instance(), Role::kNursery).error().code, ErrorCode::kNotFound);
  EXPECT_TRUE(listen_at(unique_instance(), Role::kNursery));
}

}  // namespace
}  // namespace onecopy
