// Records that no healthy process writes: each must be refused by the side that reads it.
#include <cmath>
#include <cstring>

#include "tests/shared/protocol/mailbox_fixture.h"

namespace onecopy {
namespace {

using MailboxDamageTest = MailboxTest;

TEST_F(MailboxDamageTest, WorkerChecksTheBatch) {
  const auto taken_after = [&](auto change) {
    EXPECT_TRUE(post(1, {question(), question()}));
    change(request_batch());
    return worker->take(1).has_value();
  };
  EXPECT_TRUE(taken_after([](RequestBatch&) {}));
  EXPECT_FALSE(taken_after([](RequestBatch& b) { b.epoch = 2; }));
  EXPECT_FALSE(taken_after([](RequestBatch& b) { b.count = 0; }));
  EXPECT_FALSE(taken_after([](RequestBatch& b) { b.count = limits::kBatchItems + 1; }));
  EXPECT_FALSE(taken_after([](RequestBatch& b) { b.count = UINT32_MAX; }));
  EXPECT_FALSE(taken_after([](RequestBatch& b) { b.count = 3; }));  // a record of zeros
  EXPECT_FALSE(taken_after([](RequestBatch& b) { b.task = 3; }));
  EXPECT_FALSE(taken_after([](RequestBatch& b) { std::memset(b.segment, 'x', sizeof b.segment); }));
}

TEST_F(MailboxDamageTest, WorkerChecksEveryRequest) {
  const auto taken_after = [&](auto change) {
    int taken = 0;
    for (const std::size_t i : {0U, 1U}) {
      EXPECT_TRUE(post(1, {question(), question()}));
      change(request_record(i));
      taken += worker->take(1).has_value() ? 1 : 0;
    }
    return taken;
  };
  constexpr auto kMost = static_cast<std::uint32_t>(kMailboxTextBytes);
  EXPECT_EQ(taken_after([](RequestRecord&) {}), 2);
  EXPECT_EQ(taken_after([](RequestRecord& r) { r.has_pair = 2; }), 0);
  EXPECT_EQ(taken_after([](RequestRecord& r) { r.has_pair = 0; }), 0);
  EXPECT_EQ(taken_after([](RequestRecord& r) { r.text_bytes = kMost; }), 0);
  EXPECT_EQ(taken_after([](RequestRecord& r) { r.text_bytes = kMost - r.pair_bytes; }), 0);
  EXPECT_EQ(taken_after([](RequestRecord& r) { r.pair_bytes = UINT32_MAX; }), 0);
  EXPECT_EQ(taken_after([](RequestRecord& r) { r.text_bytes = r.pair_bytes = UINT32_MAX; }), 0);
  EXPECT_EQ(taken_after([](RequestRecord& r) { r.qa.top_k = 0; }), 0);
  EXPECT_EQ(taken_after([](RequestRecord& r) { r.qa.top_k = limits::kTopK + 1; }), 0);
  EXPECT_EQ(taken_after([](RequestRecord& r) { r.qa.max_answer_len = 0; }), 0);
  EXPECT_EQ(taken_after([](RequestRecord& r) { r.text.function = FunctionToApply{4}; }), 0);
}

TEST_F(MailboxDamageTest, GatewayChecksTheBatch) {
  const auto collected_after = [&](auto change) {
    EXPECT_TRUE(post(1, {text("a"), text("b")}));
    reply(1, {values({1.0F}), values({2.0F})});
    change(reply_batch());
    return gateway->collect(1).has_value();
  };
  EXPECT_TRUE(collected_after([](ReplyBatch&) {}));
  EXPECT_FALSE(collected_after([](ReplyBatch& b) { b.epoch = 9; }));
  EXPECT_FALSE(collected_after([](ReplyBatch& b) { b.count = 1; }));
  EXPECT_FALSE(collected_after([](ReplyBatch& b) { b.count = 3; }));
  EXPECT_FALSE(collected_after([](ReplyBatch& b) { b.count = UINT32_MAX; }));
}

TEST_F(MailboxDamageTest, GatewayChecksEveryReply) {
  const auto collected_after = [&](auto change) {
    int collected = 0;
    for (const std::size_t i : {0U, 1U}) {
      EXPECT_TRUE(post(1, {question(), question()}));
      WorkReply answer;
      answer.answers = {{0.5, 0, 4, 0, 4}};
      reply(1, {answer, answer});
      change(reply_record(i), at<QaAnswer>(kMailboxPayloadsAt + i * sizeof(QaAnswer)));
      collected += gateway->collect(1).has_value() ? 1 : 0;
    }
    return collected;
  };
  constexpr auto kMost = static_cast<std::uint32_t>(limits::kItemReplyBytes);
  EXPECT_EQ(collected_after([](ReplyRecord&, QaAnswer&) {}), 2);
  EXPECT_EQ(collected_after([](ReplyRecord& r, QaAnswer&) { r.error = 99; }), 0);
  EXPECT_EQ(collected_after([](ReplyRecord& r, QaAnswer&) { r.payload_bytes = 7; }), 0);
  EXPECT_EQ(collected_after([](ReplyRecord& r, QaAnswer&) { r.payload_bytes = kMost + 8; }), 0);
  EXPECT_EQ(collected_after([](ReplyRecord& r, QaAnswer&) { r.payload_bytes = UINT32_MAX; }), 0);
  EXPECT_EQ(collected_after([](ReplyRecord& r, QaAnswer&) {
              r.error = 1;
              r.payload_bytes = limits::kErrorTextBytes + 1;
            }),
            0);
  EXPECT_EQ(collected_after([](ReplyRecord&, QaAnswer& a) { a.byte_end = 14; }), 0);
  EXPECT_EQ(collected_after([](ReplyRecord&, QaAnswer& a) { a.byte_start = 5; }), 0);
  EXPECT_EQ(collected_after([](ReplyRecord&, QaAnswer& a) { a.score = std::nan(""); }), 0);
}

// Each answer must lie in its own request's context, not in another's.
TEST_F(MailboxDamageTest, GatewayChecksAnswersAgainstTheirOwnContext) {
  WorkRequest shorter = question();
  shorter.pair = "it";
  WorkReply in_longer;
  in_longer.answers = {{0.5, 0, 4, 0, 4}};
  WorkReply in_shorter;
  in_shorter.answers = {{0.5, 0, 2, 0, 2}};
  ASSERT_TRUE(post(1, {question(), shorter}));
  reply(1, {in_longer, in_shorter});
  EXPECT_TRUE(gateway->collect(1));
  reply(1, {in_shorter, in_longer});
  EXPECT_FALSE(gateway->collect(1));
}

}  // namespace
}  // namespace onecopy
