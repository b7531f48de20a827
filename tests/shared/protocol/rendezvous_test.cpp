#include "shared/protocol/rendezvous.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include "shared/protocol/control.h"

namespace onecopy {
namespace {

std::string unique_instance() { return fmt::format("test-rendezvous-{}", ::getpid()); }

TEST(Rendezvous, ClientsFindWhoListens) {
  const auto listener = listen_at(unique_instance(), Role::kGateway);
  ASSERT_TRUE(listener) << listener.error().text;
  EXPECT_EQ(accept_client(listener->get()).error().code, ErrorCode::kBusy);
  const auto client = connect_to(unique_instance(), Role::kGateway);
  ASSERT_TRUE(client) << client.error().text;
  const auto accepted = accept_client(listener->get());
  ASSERT_TRUE(accepted) << accepted.error().text;
  ASSERT_TRUE(send_control(client->get(), {{"type", "hi"}}));
  EXPECT_EQ(receive_control(accepted->get())->type, "hi");
  EXPECT_EQ(receive_control(accepted->get()).error().code, ErrorCode::kBusy);  // it does not block
  EXPECT_EQ(peer_process(client->get()), ::getpid());
  EXPECT_EQ(peer_process(accepted->get()), ::getpid());
}

TEST(Rendezvous, OneListensAtATimeAndTheNameGoesWithIt) {
  auto first = listen_at(unique_instance(), Role::kHost);
  ASSERT_TRUE(first);
  const auto second = listen_at(unique_instance(), Role::kHost);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kBusy);
  EXPECT_TRUE(listen_at(unique_instance(), Role::kNursery));  // another name
  first->reset();
  EXPECT_EQ(connect_to(unique_instance(), Role::kHost).error().code, ErrorCode::kNotFound);
  EXPECT_TRUE(listen_at(unique_instance(), Role::kHost));
}

TEST(Rendezvous, NobodyIsThereOfAnotherInstance) {
  const auto listener = listen_at(unique_instance(), Role::kHost);
  ASSERT_TRUE(listener);
  const auto client = connect_to(unique_instance() + "0", Role::kHost);
  ASSERT_FALSE(client);
  EXPECT_EQ(client.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(client.error().text, testing::HasSubstr(unique_instance() + "0"));
}

TEST(Rendezvous, ASocketKnowsItsInstance) {
  const std::string longest(64, 'x');
  for (const std::string& instance : {unique_instance(), longest}) {
    const auto listener = listen_at(instance, Role::kNursery);
    ASSERT_TRUE(listener) << listener.error().text;
    EXPECT_EQ(instance_of(listener->get()), instance);
  }
}

TEST(Rendezvous, OtherDescriptorsAreNone) {
  const auto channel = make_channel().value();
  for (const int fd : {-1, STDERR_FILENO, channel.first.get()}) {
    EXPECT_EQ(instance_of(fd).error().code, ErrorCode::kInvalidArgument);
  }
}

}  // namespace
}  // namespace onecopy
