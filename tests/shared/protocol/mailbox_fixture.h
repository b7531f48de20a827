// A mailbox from both sides, and requests and replies to send through it.
#pragma once

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "shared/protocol/mailbox.h"

namespace onecopy {

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

  template <class T>
  T& at(std::size_t offset) {
    return *reinterpret_cast<T*>(raw + offset);
  }
  RequestBatch& request_batch() { return at<RequestBatch>(kMailboxRequestAt); }
  RequestRecord& request_record(std::size_t i) {
    return at<RequestRecord>(kMailboxRequestAt + sizeof(RequestBatch) + i * sizeof(RequestRecord));
  }
  ReplyBatch& reply_batch() { return at<ReplyBatch>(kMailboxReplyAt); }
  ReplyRecord& reply_record(std::size_t i) {
    return at<ReplyRecord>(kMailboxReplyAt + sizeof(ReplyBatch) + i * sizeof(ReplyRecord));
  }

  static WorkRequest question() {
    WorkRequest request;
    request.segment = "onecopy:test:qa0:1:1";
    request.task = Task::kQuestionAnswering;
    request.text = "who?";
    request.pair = "it was Émile";
    request.qa.top_k = 3;
    return request;
  }
  static WorkRequest text(std::string_view of) {
    WorkRequest request;
    request.segment = "onecopy:test:emb:1:1";
    request.task = Task::kEmbedding;
    request.text = of;
    return request;
  }
  static WorkReply values(std::vector<float> of) {
    WorkReply reply;
    reply.values = std::move(of);
    return reply;
  }
  static WorkReply refused(const std::string& why) {
    WorkReply reply;
    reply.error = Error{ErrorCode::kInvalidArgument, why};
    return reply;
  }

  Status post(std::uint64_t epoch, std::vector<WorkRequest> requests) {
    return gateway->post(epoch, requests);
  }
  void reply(std::uint64_t epoch, std::vector<WorkReply> replies) { worker->reply(epoch, replies); }

  std::optional<Mailbox> gateway;
  std::optional<Mailbox> worker;
  std::byte* raw = nullptr;
};

}  // namespace onecopy
