#include "shared/protocol/channel.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shared/protocol/control.h"

namespace onecopy {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

TEST(Channel, KeepsMessageBoundaries) {
  auto ends = make_channel();
  ASSERT_TRUE(ends);
  ASSERT_TRUE(send_message(ends->first.get(), bytes_of("one")));
  ASSERT_TRUE(send_message(ends->first.get(), bytes_of("three")));
  EXPECT_EQ(receive_message(ends->second.get())->bytes, "one");
  EXPECT_EQ(receive_message(ends->second.get())->bytes, "three");
}

TEST(Channel, CarriesADescriptorThatClosesOnExec) {
  auto ends = make_channel();
  int pipe_ends[2];
  ASSERT_EQ(::pipe(pipe_ends), 0);
  UniqueFd read_end(pipe_ends[0]);
  UniqueFd write_end(pipe_ends[1]);
  ASSERT_TRUE(send_message(ends->first.get(), bytes_of("fd"), write_end.get()));
  auto message = receive_message(ends->second.get());
  ASSERT_TRUE(message);
  ASSERT_TRUE(message->fd);
  EXPECT_NE(::fcntl(message->fd.get(), F_GETFD) & FD_CLOEXEC, 0);
  ASSERT_EQ(::write(message->fd.get(), "x", 1), 1);
  char got = 0;
  EXPECT_EQ(::read(read_end.get(), &got, 1), 1);
  EXPECT_EQ(got, 'x');
}

TEST(Channel, TellsOfTheOtherEndsDeath) {
  auto ends = make_channel();
  ends->second.reset();
  EXPECT_EQ(receive_message(ends->first.get()).error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(send_message(ends->first.get(), bytes_of("x")).error().code, ErrorCode::kUnavailable);
}

TEST(Channel, NonBlockingReceiveSaysNothingIsThere) {
  auto ends = make_channel();
  ::fcntl(ends->first.get(), F_SETFL, O_NONBLOCK);
  EXPECT_EQ(receive_message(ends->first.get()).error().code, ErrorCode::kBusy);
}

TEST(Control, ChecksShapeAndFields) {
  auto ends = make_channel();
  ASSERT_TRUE(send_control(ends->first.get(), {{"type", "fork"}, {"id", 7}}));
  const auto message = receive_control(ends->second.get());
  ASSERT_TRUE(message);
  EXPECT_EQ(message->type, "fork");
  EXPECT_EQ(*number_field(message->body, "id"), 7U);
  EXPECT_FALSE(number_field(message->body, "type"));
  EXPECT_FALSE(text_field(message->body, "missing"));
  for (const char* bad : {"[]", "{", "{\"type\":1}", "{}"}) {
    ASSERT_TRUE(send_message(ends->first.get(), bytes_of(bad)));
    EXPECT_EQ(receive_control(ends->second.get()).error().code, ErrorCode::kCorrupt) << bad;
  }
}

}  // namespace
}  // namespace onecopy
