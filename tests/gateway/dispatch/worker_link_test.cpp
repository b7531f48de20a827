// What the gateway's end of a worker tells the worker, and when it takes it for hung. Ticks are
// counted, so no time passes here.
#include "gateway/dispatch/worker_link.h"

#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <memory>
#include <optional>

#include "shared/protocol/channel.h"
#include "shared/protocol/worker_messages.h"

namespace onecopy::gateway {
namespace {

class WorkerLinkTest : public testing::Test, private WorkerLink::Events {
 protected:
  void SetUp() override {
    loop_ = *EventLoop::create();
    auto channel = make_channel();
    worker_ = std::move(channel->second);
    link_ = *WorkerLink::create(*loop_, *this, 1, std::move(channel->first));
    mailbox_.emplace(*Mailbox::attach(std::move(receive_worker_message(worker_.get())->fd)));
    settings_.worker_silence = Milliseconds(10);
    settings_.cancel_grace = Milliseconds(5);
    auto model = std::make_shared<Model>();
    model->segment = "qa";
    work_.model = model;
    work_.texts.resize(items_.size());
    for (std::size_t i = 0; i < items_.size(); ++i) {
      items_[i].work = &work_;
      items_[i].index = i;
    }
  }
  void start() {
    auto batch = std::make_unique<Batch>();
    for (WorkItem& item : items_) batch->add(item);
    batch_ = batch.get();
    ASSERT_TRUE(link_->start(batch));
  }
  bool hangs() { return link_->hangs(Milliseconds(1), settings_); }

  void on_reply(WorkerLink& /*worker*/, std::unique_ptr<Batch> batch,
                std::vector<WorkReply> /*replies*/) override {
    returned_ = std::move(batch);
  }
  void on_death(WorkerLink& worker, std::unique_ptr<Batch> batch) override {
    died_ = true;
    crashed_ = worker.crashed();
    returned_ = std::move(batch);
  }

  Settings settings_;
  Work work_;
  std::array<WorkItem, 3> items_;
  std::unique_ptr<EventLoop> loop_;
  UniqueFd worker_;
  std::optional<Mailbox> mailbox_;
  std::unique_ptr<Batch> returned_;
  std::shared_ptr<WorkerLink> link_;
  Batch* batch_ = nullptr;
  bool died_ = false;
  bool crashed_ = false;
};

TEST_F(WorkerLinkTest, TellsTheWorkerWhichItemsAreGivenUp) {
  start();
  EXPECT_EQ(mailbox_->cancelled(), 0U);
  batch_->remove(items_[0]);
  batch_->remove(items_[2]);
  EXPECT_EQ(mailbox_->cancelled(), 0b101U);
  EXPECT_EQ(items_[0].batch, nullptr);
  EXPECT_FALSE(batch_->nobody_waits());
  batch_->remove(items_[1]);
  EXPECT_TRUE(batch_->nobody_waits());
}

// The mailbox may hold the next batch by then.
TEST_F(WorkerLinkTest, MarksNothingOnceTheWorkerHasReplied) {
  start();
  mailbox_->reply(1, std::array<WorkReply, 3>());
  ASSERT_TRUE(send_wake(worker_.get(), 1));
  link_->on_events(EPOLLIN);
  ASSERT_NE(returned_, nullptr);
  returned_->remove(items_[1]);
  EXPECT_EQ(mailbox_->cancelled(), 0U);
}

TEST_F(WorkerLinkTest, HangsWithoutProgress) {
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(hangs());  // idle
  start();
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(hangs()) << i;
  EXPECT_EQ(link_->silent_for(), Milliseconds(10));
  EXPECT_TRUE(hangs());
}

TEST_F(WorkerLinkTest, MayComputeForEverAsLongAsItMakesProgress) {
  start();
  for (int i = 0; i < 1000; ++i) {
    if (i % 9 == 0) ++mailbox_->progress();
    EXPECT_FALSE(hangs()) << i;
  }
}

TEST_F(WorkerLinkTest, HangsWhenItGoesOnWithWhatNobodyWaitsFor) {
  start();
  batch_->remove(items_[0]);
  batch_->remove(items_[1]);
  for (int i = 0; i < 100; ++i) {
    ++mailbox_->progress();
    EXPECT_FALSE(hangs());
  }
  batch_->remove(items_[2]);
  for (int i = 0; i < 5; ++i) {
    ++mailbox_->progress();
    EXPECT_FALSE(hangs()) << i;
  }
  ++mailbox_->progress();
  EXPECT_TRUE(hangs());
}

class ProcessTest : public WorkerLinkTest {
 protected:
  void SetUp() override {
    WorkerLinkTest::SetUp();
    child_ = ::fork();
    if (child_ == 0) {
      for (;;) ::pause();
    }
    link_->set_process(UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, child_, 0))));
  }
  void expect_killed() const {
    int status = 0;
    ASSERT_EQ(::waitpid(child_, &status, 0), child_);
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  }
  pid_t child_ = -1;
};

TEST_F(ProcessTest, OfAHungWorkerIsEnded) {
  start();
  link_->end_hung();
  expect_killed();
  EXPECT_TRUE(died_);
  EXPECT_TRUE(crashed_);  // as the fault of its items
  EXPECT_EQ(returned_.get(), batch_);
}

TEST_F(ProcessTest, OfALyingWorkerIsEnded) {
  start();
  ASSERT_TRUE(send_wake(worker_.get(), 7));
  link_->on_events(EPOLLIN);
  expect_killed();
  EXPECT_TRUE(died_);
  EXPECT_TRUE(crashed_);
}

}  // namespace
}  // namespace onecopy::gateway
