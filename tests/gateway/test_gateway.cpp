#include "tests/gateway/test_gateway.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <utility>

#include "shared/protocol/channel.h"
#include "shared/protocol/rendezvous.h"
#include "shared/segment/names.h"

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

Result<SegmentFacts> facts_of(const std::string& segment, int fd) {
  SegmentFacts facts;
  ModelInfo& info = facts.info;
  info.name = parse_segment_name(segment)->model;
  if (fd < 0 || info.name.starts_with("lost")) return fail(ErrorCode::kCorrupt, "no such segment");
  info.hidden = 2;
  info.max_tokens = 128;
  if (info.name.starts_with("qa")) info.task = Task::kQuestionAnswering;
  if (info.name.starts_with("cls")) {
    info.task = Task::kSequenceClassification;
    info.labels = {"no", "yes"};
  }
  return facts;
}

std::string model_of(const WorkRequest& request) {
  return parse_segment_name(request.segment)->model;
}

std::uint32_t version_of(const WorkRequest& request) {
  return parse_segment_name(request.segment)->version;
}

std::uint64_t generation_of(const WorkRequest& request) {
  return parse_segment_name(request.segment)->generation;
}

TestGateway::TestGateway(const Settings& settings, bool with_models,
                         const std::string& management_key) {
  auto listener = listen_on_any_port();
  auto management = listen_on_any_port();
  port_ = listener.port;
  management_port_ = management.port;
  Rendezvous rendezvous = make_rendezvous();
  instance_ = rendezvous.instance;
  auto gateway = Gateway::create(std::move(rendezvous.socket), settings, facts_of);
  EXPECT_TRUE(gateway.has_value());
  gateway_ = std::move(*gateway);
  thread_ = std::thread([this] { gateway_->run(); });
  host_ = std::make_unique<FakeHost>(instance_, management_key);
  host_->give_listener("inference", listener.fd.get());
  host_->give_listener("management", management.fd.get());
  host_->new_nursery();
  if (with_models) {
    for (const char* name : {"qa0", "qa1", "cls", "emb"}) host_->add_model(name);
  }
  host_->publish();
}

TestGateway::~TestGateway() {
  // Without a host as with one: its connection may be closed.
  host_->close();
  stop_alone();
  workers_.clear();
  join();
}

void TestGateway::stop_alone() {
  const auto channel = connect_to(instance_, Role::kGateway);
  if (!channel) return;  // it has ended
  Hello hello;
  hello.role = "cli";
  // The end of the host's connection may be noticed after this one: asked until there is an end.
  static_cast<void>(send_control(channel->get(), to_json(hello)));
  static_cast<void>(send_control(channel->get(), {{"type", "stop"}}));
}

void TestGateway::join() {
  if (thread_.joinable()) thread_.join();
}

Json TestGateway::add_model(const std::string& name, std::uint32_t version) {
  host_->add_model(name, version);
  return host_->publish();
}

FakeWorker& TestGateway::add_worker(Behaviour behaviour) {
  return add_batch_worker(one_by_one(std::move(behaviour)));
}

FakeHost::Fork TestGateway::take_fork() {
  if (given_ == wanted_) {
    ++wanted_;
    const auto count = static_cast<std::uint32_t>(wanted_);
    host_->registry.workers = {count, count, count};
    host_->publish();
  }
  if (forks_.empty()) forks_.push_back(host_->next_fork());
  FakeHost::Fork fork = std::move(forks_.front());
  forks_.pop_front();
  ++given_;
  return fork;
}

FakeWorker& TestGateway::add_batch_worker(BatchBehaviour behaviour) {
  FakeHost::Fork fork = take_fork();
  workers_.push_back(std::make_unique<FakeWorker>(std::move(fork.socket), std::move(behaviour)));
  host_->forked(fork.id);
  host_->wait_for_workers(++arrived_);
  return *workers_.back();
}

void TestGateway::wait_for_death() {
  --given_;
  forks_.push_back(host_->next_fork());
}

RawReply TestGateway::manage(std::string_view method, std::string_view target,
                             std::string_view body, std::string_view headers) const {
  RawClient client(management_port_);
  client.send(fmt::format("{} {} HTTP/1.1\r\nHost: localhost:{}\r\nContent-Length: {}\r\n{}\r\n{}",
                          method, target, management_port_, body.size(), headers, body));
  return client.read_reply();
}

}  // namespace onecopy::gateway
