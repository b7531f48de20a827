#include "tests/gateway/test_gateway.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <utility>

#include "shared/protocol/channel.h"

namespace onecopy::gateway {

ListeningSocket listen_on_any_port() {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  EXPECT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), size), 0);
  EXPECT_EQ(::listen(fd.get(), SOMAXCONN), 0);
  EXPECT_EQ(::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  return {std::move(fd), ntohs(address.sin_port)};
}

void Door::open() {
  const std::scoped_lock lock(mutex_);
  is_open_ = true;
  opened_.notify_all();
}

void Door::wait() {
  std::unique_lock lock(mutex_);
  opened_.wait(lock, [this] { return is_open_; });
}

Behaviour behind(Door& door) {
  return [&door](const WorkRequest& request) {
    door.wait();
    return answer_plainly(request);
  };
}

void settle(const TestGateway& gateway, const RawClient& client) {
  if (client.fd() >= 0) client.wait_until_delivered();
  EXPECT_EQ(RawClient(gateway.management_port()).get("/v2/health/live").status, 200);
}

ModelInfo info_of(const std::string& segment) {
  ModelInfo info;
  info.name = segment;
  info.hidden = 2;
  info.max_tokens = 128;
  if (segment.starts_with("qa")) info.task = Task::kQuestionAnswering;
  if (segment.starts_with("cls")) {
    info.task = Task::kSequenceClassification;
    info.labels = {"no", "yes"};
  }
  return info;
}

TestGateway::TestGateway(const Settings& settings, bool with_models) {
  auto channel = make_channel();
  auto listener = listen_on_any_port();
  auto management = listen_on_any_port();
  port_ = listener.port;
  management_port_ = management.port;
  control_ = std::move(channel->first);
  auto gateway = Gateway::create(
      {std::move(channel->second), std::move(listener.fd), std::move(management.fd)}, settings,
      [](const std::string& segment) -> Result<ModelInfo> {
        if (segment == "missing") return fail(ErrorCode::kNotFound, "no such segment");
        return info_of(segment);
      });
  EXPECT_TRUE(gateway.has_value());
  gateway_ = std::move(*gateway);
  thread_ = std::thread([this] { gateway_->run(); });
  if (!with_models) return;
  for (const char* name : {"qa0", "qa1", "cls", "emb"}) add_model(name, name);
}

TestGateway::~TestGateway() {
  close_control();
  workers_.clear();
  join();
}

void TestGateway::join() {
  if (thread_.joinable()) thread_.join();
}

void TestGateway::send(const Json& message, int fd) const {
  EXPECT_TRUE(send_control(control_.get(), message, fd));
}

void TestGateway::add_model(const std::string& name, const std::string& segment,
                            int version) const {
  send({{"type", "model"}, {"name", name}, {"version", version}, {"segment", segment}});
}

FakeWorker& TestGateway::add_worker(Behaviour behaviour) {
  return add_batch_worker(one_by_one(std::move(behaviour)));
}

FakeWorker& TestGateway::add_batch_worker(BatchBehaviour behaviour) {
  auto channel = make_channel();
  send({{"type", "worker"}, {"id", next_worker_++}}, channel->second.get());
  channel->second.reset();
  workers_.push_back(std::make_unique<FakeWorker>(std::move(channel->first), std::move(behaviour)));
  return *workers_.back();
}

void TestGateway::ready() const {
  send({{"type", "ready"}});
  wait_until_sent(control_.get());  // it may have been ready before
  RawClient client(port_);
  // Without workers it is never well, but it is no longer starting.
  while (client.get("/healthz").body.find("starting") != std::string::npos) {
    std::this_thread::yield();
  }
}

Json TestGateway::wait_for(const std::string& type) const {
  for (;;) {
    auto message = receive_control(control_.get());
    if (!message) return {};
    if (message->type == type) return message->body;
  }
}

}  // namespace onecopy::gateway
