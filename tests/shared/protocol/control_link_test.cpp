#include "shared/protocol/control_link.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "shared/base/limits.h"
#include "shared/base/memory_file.h"
#include "tests/shared/protocol/link_recorder.h"

namespace onecopy {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class ControlLinkTest : public testing::Test {
 protected:
  std::shared_ptr<ControlLink> link(UniqueFd channel, LinkRecorder& recorder) {
    auto link = std::make_shared<ControlLink>(*loop_, recorder, std::move(channel));
    EXPECT_TRUE(link->start());
    return link;
  }
  void send_raw(std::string_view text) {
    ASSERT_TRUE(send_message(ends_.second.get(), std::as_bytes(std::span(text))));
  }

  std::unique_ptr<EventLoop> loop_ = EventLoop::create().value();
  std::pair<UniqueFd, UniqueFd> ends_ = make_channel().value();
  LinkRecorder ours_;
  LinkRecorder theirs_;
};

TEST_F(ControlLinkTest, NothingIsLostWhenTheOtherEndReadsLate) {
  constexpr std::uint64_t kMessages = 5000;  // a socket takes a few hundred
  const auto sender = link(std::move(ends_.first), ours_);
  {
    const auto file = make_memory_file("test", "beside a message").value();
    for (std::uint64_t n = 0; n < kMessages; ++n) {
      sender->send({{"type", "number"}, {"n", n}}, n % 100 == 0 ? file.get() : -1);
    }
  }
  EXPECT_FALSE(sender->is_flushed());
  const auto receiver = link(std::move(ends_.second), theirs_);
  ASSERT_TRUE(run_until(*loop_, [&] { return theirs_.messages.size() == kMessages; }));
  for (std::uint64_t n = 0; n < kMessages; ++n) {
    const ControlMessage& message = theirs_.messages[n];
    ASSERT_EQ(number_field(message.body, "n"), n);
    ASSERT_EQ(static_cast<bool>(message.fd), n % 100 == 0) << n;
    if (message.fd) {
      ASSERT_EQ(read_memory_file(message.fd.get(), 100), "beside a message");
    }
  }
  EXPECT_TRUE(sender->is_flushed());
  EXPECT_TRUE(sender->is_open());
}

TEST_F(ControlLinkTest, WhatCameBeforeACloseIsDelivered) {
  const auto receiver = link(std::move(ends_.first), ours_);
  for (int n = 0; n < 3; ++n) send_raw(R"({"type":"last"})");
  ends_.second.reset();
  ASSERT_TRUE(run_until(*loop_, [&] { return !ours_.closed.empty(); }));
  EXPECT_EQ(ours_.messages.size(), 3U);
  EXPECT_EQ(ours_.closed.size(), 1U);
}

// The system then reports the lost message before those that came (ECONNRESET).
TEST_F(ControlLinkTest, WhatCameBeforeACloseIsDeliveredAlsoWhenTheOtherEndDidNotRead) {
  const auto receiver = link(std::move(ends_.first), ours_);
  receiver->send({{"type", "unread"}});
  for (int n = 0; n < 3; ++n) send_raw(R"({"type":"last"})");
  ends_.second.reset();
  ASSERT_TRUE(run_until(*loop_, [&] { return !ours_.closed.empty(); }));
  EXPECT_EQ(ours_.messages.size(), 3U);
  EXPECT_THAT(ours_.closed, ElementsAre(HasSubstr("closed")));
}

TEST_F(ControlLinkTest, AnEndThatNeverReadsLosesTheLink) {
  const auto sender = link(std::move(ends_.first), ours_);
  for (std::size_t n = 0; n < limits::kUnsentMessages + 2000; ++n) sender->send({{"type", "x"}});
  EXPECT_TRUE(ours_.closed.empty()) << "not within a call of the sender";
  ASSERT_TRUE(run_until(*loop_, [&] { return !ours_.closed.empty(); }));
  EXPECT_THAT(ours_.closed, ElementsAre(HasSubstr("unread")));
  EXPECT_FALSE(sender->is_open());
  sender->send({{"type", "too late"}});
  EXPECT_TRUE(sender->is_flushed());
}

TEST_F(ControlLinkTest, ATooLargeMessageIsNotSentAndHarmsNobody) {
  const auto sender = link(std::move(ends_.first), ours_);
  const auto receiver = link(std::move(ends_.second), theirs_);
  sender->send({{"type", "large"}, {"text", std::string(limits::kMessageBytes, 'x')}});
  const std::size_t frame = Json{{"type", "full"}, {"text", ""}}.dump().size();
  sender->send({{"type", "full"}, {"text", std::string(limits::kMessageBytes - frame, 'x')}});
  ASSERT_TRUE(run_until(*loop_, [&] { return !theirs_.messages.empty(); }));
  EXPECT_EQ(theirs_.messages[0].type, "full");
  EXPECT_TRUE(receiver->is_open());
}

TEST_F(ControlLinkTest, TextThatIsNotUtf8IsSentAsFarAsItIs) {
  const auto sender = link(std::move(ends_.first), ours_);
  const auto receiver = link(std::move(ends_.second), theirs_);
  sender->send({{"type", "text"}, {"text", "a\xff z"}});
  ASSERT_TRUE(run_until(*loop_, [&] { return !theirs_.messages.empty(); }));
  EXPECT_EQ(text_field(theirs_.messages[0].body, "text"), "a\xef\xbf\xbd z");
}

TEST_F(ControlLinkTest, MayBeDestroyedWithinItsEvents) {
  auto receiver = link(std::move(ends_.first), ours_);
  ours_.then = [&] {
    receiver->close();
    loop_->dispose(std::move(receiver));
  };
  send_raw(R"({"type":"first"})");
  send_raw(R"({"type":"second"})");
  ASSERT_TRUE(run_until(*loop_, [&] { return receiver == nullptr; }));
  EXPECT_EQ(ours_.messages.size(), 1U);
  EXPECT_TRUE(ours_.closed.empty());
}

class Malformed : public ControlLinkTest, public testing::WithParamInterface<std::string> {};

TEST_P(Malformed, ClosesTheLink) {
  const auto receiver = link(std::move(ends_.first), ours_);
  send_raw(GetParam());
  ASSERT_TRUE(run_until(*loop_, [&] { return !ours_.closed.empty(); }));
  EXPECT_TRUE(ours_.messages.empty());
  EXPECT_FALSE(receiver->is_open());
}

INSTANTIATE_TEST_SUITE_P(Messages, Malformed,
                         testing::Values("x", "{", "[]", "null", "{}", R"({"type":1})",
                                         R"({"type":null})", R"({"Type":"x"})",
                                         R"({"type":"x"} {"type":"y"})", std::string(70'000, ' '),
                                         std::string("{\"type\":\"\xff\"}"), std::string(1, '\0'),
                                         std::string(30'000, '[')));

}  // namespace
}  // namespace onecopy
