#include "shared/protocol/worker_messages.h"

#include <gmock/gmock.h>

#include <cstring>

#include "shared/base/limits.h"
#include "shared/base/memory_file.h"
#include "shared/protocol/channel.h"

namespace onecopy {
namespace {

constexpr const char* kSegment = "onecopy:test:m:1:3";

class WorkerMessages : public testing::Test {
 protected:
  Result<WorkerMessage> receive() { return receive_worker_message(ends_.second.get()); }
  void send_raw(std::string_view bytes, int fd = -1) {
    ASSERT_TRUE(send_message(ends_.first.get(), std::as_bytes(std::span(bytes)), fd));
  }

  std::pair<UniqueFd, UniqueFd> ends_ = make_channel().value();
  UniqueFd file_ = make_memory_file("test", "a file").value();
};

TEST_F(WorkerMessages, ArriveAsTheyWereSent) {
  const int socket = ends_.first.get();
  ASSERT_TRUE(send_worker_message(socket, WorkerSays::kGreeting, {}, file_.get()));
  ASSERT_TRUE(send_worker_message(socket, WorkerSays::kFile, kSegment, file_.get()));
  ASSERT_TRUE(send_worker_message(socket, WorkerSays::kAttach, kSegment));
  ASSERT_TRUE(send_worker_message(socket, WorkerSays::kDetach, kSegment));
  ASSERT_TRUE(send_wake(socket, 1ULL << 40U));
  for (const WorkerSays kind :
       {WorkerSays::kGreeting, WorkerSays::kFile, WorkerSays::kAttach, WorkerSays::kDetach}) {
    const auto message = receive();
    ASSERT_TRUE(message) << message.error().text;
    EXPECT_EQ(message->kind, kind);
    EXPECT_EQ(message->segment, kind == WorkerSays::kGreeting ? "" : kSegment);
    const bool with_file = kind == WorkerSays::kGreeting || kind == WorkerSays::kFile;
    ASSERT_EQ(static_cast<bool>(message->fd), with_file);
    if (with_file) {
      EXPECT_EQ(read_memory_file(message->fd.get(), 100), "a file");
    }
  }
  const auto wake = receive();
  ASSERT_TRUE(wake);
  EXPECT_EQ(wake->kind, WorkerSays::kWake);
  EXPECT_EQ(wake->epoch, 1ULL << 40U);
}

TEST_F(WorkerMessages, TheOtherEndsCloseIsTold) {
  ends_.first.reset();
  const auto message = receive();
  ASSERT_FALSE(message);
  EXPECT_EQ(message.error().code, ErrorCode::kUnavailable);
}

TEST_F(WorkerMessages, ANameThatIsTooLongIsNotSent) {
  EXPECT_FALSE(send_worker_message(ends_.first.get(), WorkerSays::kAttach,
                                   std::string(limits::kSegmentNameBytes + 1, 'x')));
}

std::string raw(std::uint32_t kind, std::uint32_t name_bytes, std::string_view name,
                std::uint64_t epoch = 0) {
  std::string bytes(16, '\0');
  std::memcpy(bytes.data(), &kind, 4);
  std::memcpy(bytes.data() + 4, &name_bytes, 4);
  std::memcpy(bytes.data() + 8, &epoch, 8);
  return bytes + std::string(name);
}

TEST_F(WorkerMessages, WhatIsMalformedIsRefused) {
  const std::string name = kSegment;
  const auto bytes = static_cast<std::uint32_t>(name.size());
  const std::vector<std::string> with_file{
      raw(0, 0, ""),             // no such kind
      raw(6, 0, ""),             //
      raw(0xffffffff, 0, ""),    //
      raw(2, 0, ""),             // a file of no segment
      raw(2, 3, "xyz"),          // no segment's name
      raw(1, bytes, name),       // a mailbox for a segment
      raw(2, bytes - 1, name),   // sizes that do not agree
      raw(2, bytes + 1, name),   //
      raw(2, 0xffffffff, name),  //
      raw(5, bytes, name),       // a wake for a segment
      std::string(15, '\0'),     // shorter than a head
      "x",                       //
      std::string(limits::kMessageBytes + 1, 'x'),
  };
  for (const std::string& text : with_file) {
    send_raw(text, file_.get());
    const auto message = receive();
    ASSERT_FALSE(message) << testing::PrintToString(text.substr(0, 40));
    EXPECT_EQ(message.error().code, ErrorCode::kCorrupt);
  }
  for (const std::string& text : {raw(1, 0, ""), raw(2, bytes, name)}) {  // without its descriptor
    send_raw(text);
    const auto message = receive();
    ASSERT_FALSE(message);
    EXPECT_EQ(message.error().code, ErrorCode::kCorrupt);
  }
}

}  // namespace
}  // namespace onecopy
