#include "tools/cli/instance_command.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <cstdio>
#include <optional>
#include <thread>

#include "host/supervise/instance_lock.h"
#include "shared/base/clock.h"
#include "shared/base/limits.h"
#include "shared/protocol/control.h"
#include "shared/protocol/rendezvous.h"

namespace onecopy::tools {
namespace {

using namespace std::chrono_literals;

// For what has been asked to end: its drain, the nursery's end, and a little.
constexpr auto kEndDeadline = limits::kDrainDeadline + 2 * limits::kKillDeadline + 5s;
constexpr auto kLook = 20ms;

int complain(int exit_code, const std::string& text) {
  fmt::print(stderr, "onecopy: {}\n", text);
  return exit_code;
}

// The next message; kDeadline when none came in time.
Result<ControlMessage> receive_until(int channel, Clock::time_point deadline) {
  while (true) {
    auto message = receive_control(channel);
    if (message || message.error().code != ErrorCode::kBusy) return message;
    const auto left = std::chrono::ceil<Milliseconds>(deadline - Clock::now());
    if (left <= 0ms) return fail(ErrorCode::kDeadline, "it does not answer");
    pollfd ready{channel, POLLIN, 0};
    ::poll(&ready, 1, static_cast<int>(left.count()));
  }
}

// Connected, and both have said who they are.
Result<UniqueFd> reach(const std::string& instance, Role role) {
  ASSIGN_OR_RETURN(UniqueFd channel, connect_to(instance, role));
  RETURN_IF_ERROR(
      send_control(channel.get(), to_json(Hello{.role = "command", .pid = ::getpid()})));
  ASSIGN_OR_RETURN(const ControlMessage hello,
                   receive_until(channel.get(), Clock::now() + limits::kSilence));
  RETURN_IF_ERROR(check_hello(hello));
  return channel;
}

bool has_ended_by(const std::string& instance, Clock::time_point deadline) {
  while (host::lives(instance)) {
    if (Clock::now() >= deadline) return false;
    std::this_thread::sleep_for(kLook);
  }
  return true;
}

}  // namespace

int run_stop(const std::string& instance) {
  auto channel = reach(instance, Role::kHost);
  if (!channel && channel.error().code == ErrorCode::kNotFound) {
    channel = reach(instance, Role::kGateway);
  }
  if (!channel && channel.error().code == ErrorCode::kNotFound) {
    return complain(1, fmt::format("instance {} is not running", instance));
  }
  if (!channel) return complain(1, channel.error().text);
  if (const Status sent = send_control(channel->get(), {{"type", "stop"}}); !sent) {
    return complain(1, sent.error().text);
  }
  if (!has_ended_by(instance, Clock::now() + kEndDeadline)) {
    return complain(1, fmt::format("instance {} did not end within {} s", instance,
                                   std::chrono::seconds(kEndDeadline).count()));
  }
  fmt::print("instance {} stopped\n", instance);
  return 0;
}

int run_reload(const std::string& instance) {
  const auto channel = reach(instance, Role::kHost);
  if (!channel) return complain(1, channel.error().text);
  if (const Status sent = send_control(channel->get(), {{"type", "reload"}}); !sent) {
    return complain(1, sent.error().text);
  }
  const auto answer = receive_until(channel->get(), Clock::now() + limits::kSilence);
  if (!answer) return complain(1, answer.error().text);
  const bool good = answer->body.value("status", 500) == 200;
  const Json* const body = find_field(answer->body, "body");
  const Json* const lines = body == nullptr ? nullptr : find_field(*body, "lines");
  if (lines == nullptr || !lines->is_array()) return complain(1, "the host's answer is no answer");
  for (const Json& line : *lines) {
    if (line.is_string()) fmt::print(good ? stdout : stderr, "{}\n", line.get<std::string>());
  }
  return good ? 0 : 2;
}

}  // namespace onecopy::tools
