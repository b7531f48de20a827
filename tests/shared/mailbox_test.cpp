#include "shared/mailbox.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <string>

namespace onecopy {
namespace {

// Both sides of one mailbox, and a third mapping to write over its records with.
class MailboxTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto created = Mailbox::create();
    ASSERT_TRUE(created);
    gateway.emplace(std::move(*created));
    auto attached = Mailbox::attach(UniqueFd(::dup(gateway->fd())));
    ASSERT_TRUE(attached) << attached.error().text;
    worker.emplace(std::move(*attached));
    raw = static_cast<std::byte*>(
        ::mmap(nullptr, kMailboxBytes, PROT_READ | PROT_WRITE, MAP_SHARED, gateway->fd(), 0));
    ASSERT_NE(raw, MAP_FAILED);
  }
  void TearDown() override { ::munmap(raw, kMailboxBytes); }

  RequestRecord& request_record() {
    return *reinterpret_cast<RequestRecord*>(raw + kMailboxRequestAt);
  }
  ReplyRecord& reply_record() { return *reinterpret_cast<ReplyRecord*>(raw + kMailboxReplyAt); }

  static WorkRequest question() {
    WorkRequest request;
    request.segment = "onecopy:test:qa0:1:1";
    request.task = Task::kQuestionAnswering;
    request.text = "who?";
    request.pair = "it was Émile";
    request.qa.top_k = 3;
    return request;
  }

  std::optional<Mailbox> gateway;
  std::optional<Mailbox> worker;
  std::byte* raw = nullptr;
};

TEST_F(MailboxTest, TheWorkerSeesHowManyThreadsItMayUse) {
  EXPECT_EQ(worker->threads(), 1U);
  gateway->threads() = 5;
  EXPECT_EQ(worker->threads(), 5U);
}

TEST_F(MailboxTest, CarriesARequest) {
  WorkRequest sent = question();
  sent.deadline = std::chrono::steady_clock::now();
  ASSERT_TRUE(gateway->post(5, sent));
  const auto taken = worker->take(5);
  ASSERT_TRUE(taken) << taken.error().text;
  EXPECT_EQ(taken->segment, sent.segment);
  EXPECT_EQ(taken->text, sent.text);
  EXPECT_EQ(taken->pair, sent.pair);
  EXPECT_EQ(taken->qa.top_k, 3);
  EXPECT_EQ(taken->deadline, sent.deadline);
}

TEST_F(MailboxTest, CarriesAnswersValuesAndErrors) {
  WorkReply answers;
  answers.answers = {{0.5, 7, 12, 7, 13}};
  worker->reply(1, answers);
  const auto collected = gateway->collect(1, question());
  ASSERT_TRUE(collected) << collected.error().text;
  ASSERT_EQ(collected->answers.size(), 1U);
  EXPECT_EQ(collected->answers[0].byte_end, 13U);

  WorkRequest text = question();
  text.task = Task::kEmbedding;
  WorkReply values;
  values.values = {1.0F, -2.5F};
  worker->reply(2, values);
  EXPECT_EQ(gateway->collect(2, text)->values, values.values);

  WorkReply refused;
  refused.error = Error{ErrorCode::kInvalidArgument, "doc_stride is too large"};
  worker->reply(3, refused);
  EXPECT_EQ(gateway->collect(3, text)->error->text, "doc_stride is too large");
  EXPECT_EQ(gateway->collect(3, text)->error->code, ErrorCode::kInvalidArgument);
}

TEST_F(MailboxTest, RefusesTextsThatDoNotFit) {
  const std::string large(limits::kMailboxRequestBytes, 'x');
  WorkRequest request = question();
  request.text = large;
  EXPECT_EQ(gateway->post(1, request).error().code, ErrorCode::kTooLarge);
}

TEST_F(MailboxTest, TooLargeAReplyBecomesAnError) {
  WorkReply reply;
  reply.values.resize(limits::kMailboxReplyBytes / sizeof(float) + 1);
  worker->reply(1, reply);
  EXPECT_EQ(gateway->collect(1, question())->error->code, ErrorCode::kInternal);
}

TEST_F(MailboxTest, WorkerChecksEveryField) {
  const auto taken_after = [&](auto change) {
    EXPECT_TRUE(gateway->post(1, question()));
    change(request_record());
    return worker->take(1).has_value();
  };
  EXPECT_TRUE(taken_after([](RequestRecord&) {}));
  EXPECT_FALSE(taken_after([](RequestRecord& r) { r.epoch = 2; }));
  EXPECT_FALSE(taken_after([](RequestRecord& r) { r.task = 3; }));
  EXPECT_FALSE(taken_after([](RequestRecord& r) { r.has_pair = 2; }));
  EXPECT_FALSE(taken_after([](RequestRecord& r) { r.text_bytes = limits::kMailboxRequestBytes; }));
  EXPECT_FALSE(taken_after([](RequestRecord& r) { r.pair_bytes = UINT32_MAX; }));
  EXPECT_FALSE(taken_after([](RequestRecord& r) { r.has_pair = 0; }));
  EXPECT_FALSE(taken_after([](RequestRecord& r) { r.qa.top_k = 0; }));
  EXPECT_FALSE(taken_after([](RequestRecord& r) { r.qa.max_answer_len = 0; }));
  EXPECT_FALSE(
      taken_after([](RequestRecord& r) { std::memset(r.segment, 'x', sizeof r.segment); }));
}

TEST_F(MailboxTest, GatewayChecksEveryField) {
  const auto collected_after = [&](auto change) {
    WorkReply reply;
    reply.answers = {{0.5, 0, 4, 0, 4}};
    worker->reply(1, reply);
    change(reply_record(),
           *reinterpret_cast<QaAnswer*>(raw + kMailboxReplyAt + sizeof(ReplyRecord)));
    return gateway->collect(1, question()).has_value();
  };
  EXPECT_TRUE(collected_after([](ReplyRecord&, QaAnswer&) {}));
  EXPECT_FALSE(collected_after([](ReplyRecord& r, QaAnswer&) { r.epoch = 9; }));
  EXPECT_FALSE(collected_after([](ReplyRecord& r, QaAnswer&) { r.error = 99; }));
  EXPECT_FALSE(collected_after([](ReplyRecord& r, QaAnswer&) { r.payload_bytes = 7; }));
  EXPECT_FALSE(collected_after([](ReplyRecord& r, QaAnswer&) { r.payload_bytes = UINT32_MAX; }));
  EXPECT_FALSE(collected_after([](ReplyRecord&, QaAnswer& a) { a.byte_end = 14; }));
  EXPECT_FALSE(collected_after([](ReplyRecord&, QaAnswer& a) { a.byte_start = 5; }));
  EXPECT_FALSE(collected_after([](ReplyRecord&, QaAnswer& a) { a.score = std::nan(""); }));
}

TEST_F(MailboxTest, TheGatewaySeesAWorkersCrash) {
  EXPECT_FALSE(gateway->worker_crashed());
  worker->crash_mark().store(1);
  worker.reset();
  EXPECT_TRUE(gateway->worker_crashed());
}

TEST_F(MailboxTest, AttachRefusesWhatIsNoMailbox) {
  UniqueFd small(::memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  EXPECT_FALSE(Mailbox::attach(std::move(small)));
  UniqueFd unsealed(::memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  ASSERT_EQ(::ftruncate(unsealed.get(), kMailboxBytes), 0);
  EXPECT_FALSE(Mailbox::attach(std::move(unsealed)));
  EXPECT_FALSE(Mailbox::attach(UniqueFd()));
  // Its size cannot be changed by either side: no SIGBUS from a truncated mailbox.
  EXPECT_NE(::ftruncate(gateway->fd(), 4096), 0);
}

}  // namespace
}  // namespace onecopy
