#include "tests/gateway/fake_host.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <utility>

#include "shared/base/memory_file.h"
#include "shared/protocol/rendezvous.h"
#include "shared/segment/names.h"

namespace onecopy::gateway {
namespace {

constexpr int kLongestWaitMs = 30'000;

Result<ControlMessage> receive_from(int channel) {
  pollfd ready{channel, POLLIN, 0};
  if (::poll(&ready, 1, kLongestWaitMs) <= 0) {
    ADD_FAILURE() << "no message within 30 s";
    return fail(ErrorCode::kDeadline, "no message");
  }
  return receive_control(channel);
}

Json hello_of(Role role) {
  Hello hello;
  hello.role = to_string(role);
  hello.pid = ::getpid();
  return to_json(hello);
}

}  // namespace

Rendezvous make_rendezvous() {
  static std::atomic<int> count = 0;
  Rendezvous rendezvous{fmt::format("gateway-test-{}-{}", ::getpid(), ++count), {}};
  auto socket = listen_at(rendezvous.instance, Role::kGateway);
  EXPECT_TRUE(socket);
  rendezvous.socket = std::move(*socket);
  return rendezvous;
}

FakeHost::FakeHost(const std::string& instance, const std::string& management_key) {
  auto channel = connect_to(instance, Role::kGateway);
  EXPECT_TRUE(channel) << channel.error().text;
  channel_ = std::move(*channel);
  send(hello_of(Role::kHost));
  hello_ = receive()->body;
  for (;;) {
    auto message = receive();
    if (!message || message->type == "kept") break;
    const char* const key = message->type == "listener" ? "port" : "name";
    handed_over_.push_back(message->type + " " + message->body.value(key, ""));
    if (message->type == "registry") {
      registry = *snapshot_from_json(*read_memory_file(message->fd.get(), limits::kSnapshotBytes));
    }
  }
  next_generation_ = registry.next_generation;
  send({{"type", "settings"}, {"management_key", management_key}});
}

Result<ControlMessage> FakeHost::receive() { return receive_from(channel_.get()); }

void FakeHost::send(const Json& message, int fd) const {
  EXPECT_TRUE(send_control(channel_.get(), message, fd));
}

void FakeHost::note_workers(const Json& message) {
  const auto alive = message.at("alive").get<std::size_t>();
  if (alive > alive_) arrived_ += alive - alive_;
  alive_ = alive;
  wanted_ = message.at("wanted").get<std::size_t>();
}

Json FakeHost::wait_for(const std::string& type) {
  const auto kept = std::ranges::find_if(
      unread_, [&](const Json& message) { return message.at("type") == type; });
  if (kept != unread_.end()) {
    Json message = std::move(*kept);
    unread_.erase(kept);
    return message;
  }
  for (;;) {
    auto message = receive();
    if (!message) return {};
    if (message->type == "workers") note_workers(message->body);
    if (message->type == type) return message->body;
    if (message->type != "workers") unread_.push_back(std::move(message->body));
  }
}

void FakeHost::wait_for_workers(std::size_t arrived) {
  while (arrived_ < arrived && !wait_for("workers").is_null()) {
  }
}

void FakeHost::wait_for_counts(std::size_t alive, std::size_t wanted) {
  while ((alive_ != alive || wanted_ != wanted) && !wait_for("workers").is_null()) {
  }
}

void FakeHost::give_listener(const std::string& port, int fd) const {
  send({{"type", "listener"}, {"port", port}, {"url", "http://" + port}}, fd);
}

std::string FakeHost::add_model(const std::string& name, std::uint32_t version) {
  ModelEntry entry;
  entry.name = name;
  entry.version = version;
  entry.segment = format_segment_name({"test", name, version, next_generation_++, false});
  entry.folder = "/models/" + name;
  entry.requested_precision = "auto";
  entry.precision = "int8";
  entry.origin = "config";
  entry.bytes_own = 1000;
  entry.bytes_borrowed = 10;
  remove_model(name, version);
  registry.segments.push_back({entry.segment, 1000});
  registry.defaults.try_emplace(name, version);
  registry.models.push_back(entry);
  const auto file = make_memory_file("segment", "not read");
  send({{"type", "segment"}, {"name", entry.segment}}, file->get());
  return entry.segment;
}

void FakeHost::remove_model(const std::string& name, std::uint32_t version) {
  const ModelEntry* const entry = registry.find(name, version);
  if (entry == nullptr) return;
  std::erase_if(registry.segments,
                [&](const SegmentEntry& segment) { return segment.name == entry->segment; });
  std::erase_if(registry.models, [&](const ModelEntry& model) {
    return model.name == name && model.version == version;
  });
}

Json FakeHost::publish() {
  ++registry.revision;
  registry.next_generation = next_generation_;
  const auto file = make_memory_file("registry", to_json_text(registry));
  send({{"type", "registry"}, {"revision", registry.revision}}, file->get());
  return wait_for("applied");
}

Json FakeHost::answer_command(int status, const Json& body) {
  Json command = wait_for("command");
  send({{"type", "result"}, {"id", command.at("id")}, {"status", status}, {"body", body}});
  return command;
}

void FakeHost::new_nursery() {
  auto channel = make_channel();
  send({{"type", "nursery"}}, channel->second.get());
  nursery_ = std::move(channel->first);
  send_as_nursery(hello_of(Role::kNursery));
}

void FakeHost::send_as_nursery(const Json& message) const {
  EXPECT_TRUE(send_control(nursery_.get(), message));
}

FakeHost::Fork FakeHost::next_fork() {
  for (;;) {
    auto message = receive_from(nursery_.get());
    if (!message) return {};
    if (message->type == "fork") {
      return {message->body.at("id").get<std::uint64_t>(), std::move(message->fd)};
    }
  }
}

Json FakeHost::wait_at_nursery(const std::string& type) const {
  for (;;) {
    auto message = receive_from(nursery_.get());
    if (!message) return {};
    if (message->type == type) return message->body;
  }
}

void FakeHost::forked(std::uint64_t id, pid_t pid, int pidfd) const {
  EXPECT_TRUE(send_control(nursery_.get(), {{"type", "forked"}, {"id", id}, {"pid", pid}}, pidfd));
}

}  // namespace onecopy::gateway
