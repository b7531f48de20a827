#include "shared/protocol/mailbox.h"

#include <fcntl.h>

#include "tests/shared/protocol/mailbox_fixture.h"

namespace onecopy {
namespace {

TEST_F(MailboxTest, TheWorkerSeesHowManyThreadsItMayUse) {
  EXPECT_EQ(worker->threads(), 1U);
  gateway->threads() = 5;
  EXPECT_EQ(worker->threads(), 5U);
}

TEST_F(MailboxTest, TheWorkerSeesWhichItemsAreCancelledUntilTheNextBatch) {
  EXPECT_EQ(worker->cancelled(), 0U);
  ASSERT_TRUE(post(1, {question(), question()}));
  gateway->cancelled().fetch_or(2);
  EXPECT_EQ(worker->cancelled(), 2U);
  EXPECT_TRUE(worker->take(1));  // which leaves it alone
  EXPECT_EQ(worker->cancelled(), 2U);
  ASSERT_TRUE(post(2, {question()}));
  EXPECT_EQ(worker->cancelled(), 0U);
}

TEST_F(MailboxTest, TheGatewaySeesTheWorkersProgress) {
  const std::uint32_t before = gateway->progress();
  worker->progress() += 3;
  EXPECT_EQ(gateway->progress() - before, 3U);
  ASSERT_TRUE(post(1, {question()}));  // which leaves it alone
  EXPECT_EQ(gateway->progress() - before, 3U);
}

TEST_F(MailboxTest, CarriesARequest) {
  WorkRequest sent = question();
  sent.deadline = std::chrono::steady_clock::now();
  ASSERT_TRUE(post(5, {sent}));
  const auto taken = worker->take(5);
  ASSERT_TRUE(taken) << taken.error().text;
  ASSERT_EQ(taken->size(), 1U);
  EXPECT_EQ(taken->front().segment, sent.segment);
  EXPECT_EQ(taken->front().text, sent.text);
  EXPECT_EQ(taken->front().pair, sent.pair);
  EXPECT_EQ(taken->front().qa.top_k, 3);
  EXPECT_EQ(taken->front().deadline, sent.deadline);
}

TEST_F(MailboxTest, CarriesABatchEachWithItsOwn) {
  std::vector<WorkRequest> sent{question(), question(), question()};
  sent[0].pair = "";
  sent[1].text = "";
  sent[1].pair.reset();
  sent[1].qa.top_k = 7;
  sent[2].text = "when, then?";
  sent[2].deadline = std::chrono::steady_clock::now();
  sent[2].text_params.max_length = 9;
  ASSERT_TRUE(post(1, sent));
  const auto taken = worker->take(1);
  ASSERT_TRUE(taken) << taken.error().text;
  ASSERT_EQ(taken->size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) {
    const WorkRequest& got = taken->at(i);
    EXPECT_EQ(got.segment, sent[i].segment);
    EXPECT_EQ(got.task, Task::kQuestionAnswering);
    EXPECT_EQ(got.text, sent[i].text);
    EXPECT_EQ(got.pair, sent[i].pair);
    EXPECT_EQ(got.deadline, sent[i].deadline);
    EXPECT_EQ(got.qa.top_k, sent[i].qa.top_k);
    EXPECT_EQ(got.text_params.max_length, sent[i].text_params.max_length);
  }
}

TEST_F(MailboxTest, CarriesAnswersAndErrors) {
  ASSERT_TRUE(post(1, {question(), question(), question()}));
  WorkReply answers;
  answers.answers = {{0.5, 7, 12, 7, 13}};
  answers.tokens = 20;
  reply(1, {answers, refused("doc_stride is too large"), answers});
  const auto collected = gateway->collect(1);
  ASSERT_TRUE(collected) << collected.error().text;
  ASSERT_EQ(collected->size(), 3U);
  for (const std::size_t i : {0U, 2U}) {
    ASSERT_EQ(collected->at(i).answers.size(), 1U);
    EXPECT_EQ(collected->at(i).answers[0].byte_end, 13U);
    EXPECT_EQ(collected->at(i).tokens, 20U);
    EXPECT_FALSE(collected->at(i).error);
  }
  EXPECT_EQ(collected->at(1).error->text, "doc_stride is too large");
  EXPECT_EQ(collected->at(1).error->code, ErrorCode::kInvalidArgument);
}

TEST_F(MailboxTest, CarriesValuesOfDifferentLengths) {
  ASSERT_TRUE(post(2, {text("a"), text("b"), text("c")}));
  reply(2, {values({1.0F, -2.5F}), values({}), values({3.0F})});
  const auto collected = gateway->collect(2);
  ASSERT_TRUE(collected) << collected.error().text;
  EXPECT_EQ(collected->at(0).values, (std::vector{1.0F, -2.5F}));
  EXPECT_TRUE(collected->at(1).values.empty());
  EXPECT_EQ(collected->at(2).values, std::vector{3.0F});
}

TEST_F(MailboxTest, RefusesTextsThatDoNotFitTogether) {
  const std::string large(kMailboxTextBytes, 'x');
  EXPECT_EQ(post(1, {text(large), text("y")}).error().code, ErrorCode::kTooLarge);
  ASSERT_TRUE(post(2, {text(large), text("")}));
  EXPECT_EQ(worker->take(2)->at(0).text.size(), large.size());
}

TEST_F(MailboxTest, AFullBatchOfTheLargestRepliesFits) {
  ASSERT_TRUE(post(1, std::vector<WorkRequest>(limits::kBatchItems, text("a"))));
  ASSERT_EQ(worker->take(1)->size(), limits::kBatchItems);
  std::vector<WorkReply> replies;
  for (std::size_t i = 0; i < limits::kBatchItems; ++i) {
    replies.push_back(values(std::vector<float>(limits::kLabels, static_cast<float>(i))));
  }
  worker->reply(1, replies);
  const auto collected = gateway->collect(1);
  ASSERT_TRUE(collected) << collected.error().text;
  for (std::size_t i = 0; i < limits::kBatchItems; ++i) {
    EXPECT_EQ(collected->at(i).values, replies[i].values) << i;
  }
  EXPECT_FALSE(post(2, std::vector<WorkRequest>(limits::kBatchItems + 1, text("a"))));
}

TEST_F(MailboxTest, TooLargeAReplyBecomesItsOwnError) {
  ASSERT_TRUE(post(1, {text("a"), text("b")}));
  reply(1,
        {values(std::vector<float>(limits::kItemReplyBytes / sizeof(float) + 1)), values({1.0F})});
  const auto collected = gateway->collect(1);
  ASSERT_TRUE(collected) << collected.error().text;
  EXPECT_EQ(collected->at(0).error->code, ErrorCode::kInternal);
  EXPECT_EQ(collected->at(1).values, std::vector{1.0F});
}

TEST_F(MailboxTest, TooLongAnErrorTextIsCut) {
  ASSERT_TRUE(post(1, {text("a"), text("b")}));
  reply(1, {refused(std::string(limits::kErrorTextBytes + 5, 'e')), values({1.0F})});
  EXPECT_EQ(gateway->collect(1)->at(0).error->text, std::string(limits::kErrorTextBytes, 'e'));
  EXPECT_EQ(gateway->collect(1)->at(1).values, std::vector{1.0F});
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
