// A load client: requests over raw sockets to 127.0.0.1, and how long each took.
//
//   http_bench --port P --path /qa/qa0 --body '{"question": "...", "context": "..."}'
//   http_bench --fake-workers 2 --connections 16 --requests 200000
//
// The second measures the gateway alone, with workers that do nothing.
//
// Closed loop: each connection sends its next request when it has the reply to the last. Open loop
// (--rate R): requests are due at R per second whatever happened to those before, and a reply's
// time counts from when its request was due, so that waiting for a free connection is not left out.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cctype>
#include <chrono>
#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shared/base/unique_fd.h"
#include "tests/gateway/test_gateway.h"

namespace {

using Clock = std::chrono::steady_clock;
using onecopy::UniqueFd;

struct Options {
  std::uint16_t port = 8080;
  std::string path = "/qa/qa0";
  std::string body =
      R"({"question": "Who wrote it?", "context": "Ada Lovelace wrote the first program."})";
  std::string content_type = "application/json";
  std::string method = "POST";
  std::size_t connections = 1;
  std::size_t requests = 20'000;
  double seconds = 0;  // 0: until all requests are sent
  double rate = 0;     // 0: closed loop
  std::size_t fake_workers = 0;
};

struct Tally {
  std::vector<double> microseconds;  // of replies with status 200
  std::size_t others = 0;            // replies with another status
  std::size_t lost = 0;              // connections that ended
  double seconds = 0;
};

// One keep-alive connection with at most one request under way.
class Connection {
 public:
  explicit Connection(std::uint16_t port)
      : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int yes = 1;
    ::setsockopt(socket_.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    if (::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) !=
        0) {
      socket_.reset();
    }
  }

  bool is_open() const { return static_cast<bool>(socket_); }
  bool is_busy() const { return busy_; }
  int fd() const { return socket_.get(); }

  void start(const std::string& request, Clock::time_point due) {
    busy_ = true;
    due_ = due;
    if (::send(socket_.get(), request.data(), request.size(), MSG_NOSIGNAL) !=
        static_cast<ssize_t>(request.size())) {
      socket_.reset();
    }
  }

  // Reads what is there; true when the reply is complete.
  bool read(Tally& tally) {
    const ssize_t n = ::recv(socket_.get(), buffer_.data(), buffer_.size(), 0);
    if (n <= 0) {
      socket_.reset();
      ++tally.lost;
      return false;
    }
    input_.append(buffer_.data(), static_cast<std::size_t>(n));
    const std::size_t head_end = input_.find("\r\n\r\n");
    if (head_end == std::string::npos) return false;
    if (input_.size() < head_end + 4 + content_length()) return false;
    if (input_.compare(9, 3, "200") == 0) {
      tally.microseconds.push_back(
          std::chrono::duration<double, std::micro>(Clock::now() - due_).count());
    } else {
      ++tally.others;
    }
    input_.clear();
    busy_ = false;
    return true;
  }

 private:
  // Servers write the name in different cases; 0 without one.
  std::size_t content_length() const {
    static constexpr std::string_view kName = "\r\ncontent-length:";
    const auto same = [](char a, char b) { return std::tolower(a) == b; };
    const auto at = std::search(input_.begin(), input_.end(), kName.begin(), kName.end(), same);
    if (at == input_.end()) return 0;
    return std::strtoul(&*at + kName.size(), nullptr, 10);
  }

  UniqueFd socket_;
  bool busy_ = false;
  Clock::time_point due_;
  std::string input_;
  std::array<char, 65536> buffer_;
};

// When the n-th request is due; in a closed loop, always.
class Schedule {
 public:
  explicit Schedule(const Options& options) : options_(options), start_(Clock::now()) {}
  bool has_more() const {
    if (sent_ >= options_.requests) return false;
    return options_.seconds <= 0 ||
           Clock::now() - start_ < std::chrono::duration<double>(options_.seconds);
  }
  Clock::time_point next_due() const {
    if (options_.rate <= 0) return Clock::now();
    return start_ + std::chrono::duration_cast<Clock::duration>(
                        std::chrono::duration<double>(static_cast<double>(sent_) / options_.rate));
  }
  void take() { ++sent_; }

 private:
  const Options& options_;
  Clock::time_point start_;
  std::size_t sent_ = 0;
};

void start_what_is_due(Schedule& schedule, const std::string& request,
                       std::deque<Connection>& connections) {
  for (Connection& connection : connections) {
    if (!schedule.has_more()) return;
    if (connection.is_busy() || !connection.is_open()) continue;
    const auto due = schedule.next_due();
    if (due > Clock::now()) return;
    schedule.take();
    connection.start(request, due);
  }
}

timespec until(Clock::time_point due) {
  const auto ns = std::max<std::int64_t>(
      0, std::chrono::duration_cast<std::chrono::nanoseconds>(due - Clock::now()).count());
  return {ns / 1'000'000'000, ns % 1'000'000'000};
}

Tally run(const Options& options, const std::string& request) {
  std::deque<Connection> connections;
  for (std::size_t i = 0; i < options.connections; ++i) connections.emplace_back(options.port);
  Tally tally;
  tally.microseconds.reserve(options.requests);
  Schedule schedule(options);
  const auto start = Clock::now();
  std::vector<pollfd> waiting;
  std::vector<Connection*> whose;
  for (;;) {
    start_what_is_due(schedule, request, connections);
    waiting.clear();
    whose.clear();
    bool all_busy = true;
    for (Connection& connection : connections) {
      if (!connection.is_open()) continue;
      if (!connection.is_busy()) all_busy = false;
      if (!connection.is_busy()) continue;
      waiting.push_back({connection.fd(), POLLIN, 0});
      whose.push_back(&connection);
    }
    const bool waits_for_time = schedule.has_more() && !all_busy;
    if (waiting.empty() && !waits_for_time) break;
    const timespec timeout = waits_for_time ? until(schedule.next_due()) : timespec{30, 0};
    const int ready = ::ppoll(waiting.data(), waiting.size(), &timeout, nullptr);
    if (ready == 0 && !waits_for_time) break;  // a reply that takes 30 s is lost
    for (std::size_t i = 0; ready > 0 && i < waiting.size(); ++i) {
      if (waiting[i].revents != 0) whose[i]->read(tally);
    }
  }
  tally.seconds = std::chrono::duration<double>(Clock::now() - start).count();
  return tally;
}

double quantile(const std::vector<double>& sorted, double q) {
  return sorted[static_cast<std::size_t>(q * static_cast<double>(sorted.size() - 1))];
}

int report(const Options& options, Tally tally) {
  std::sort(tally.microseconds.begin(), tally.microseconds.end());
  const auto& times = tally.microseconds;
  fmt::print("connections {}{}: {} replies with 200, {} others, {} connections lost\n",
             options.connections,
             options.rate > 0 ? fmt::format(", {} due per second", options.rate) : "", times.size(),
             tally.others, tally.lost);
  if (times.empty()) return 1;
  fmt::print("median {:.1f} us, p99 {:.1f} us, max {:.1f} us, {:.1f} requests/s\n",
             quantile(times, 0.5), quantile(times, 0.99), times.back(),
             static_cast<double>(times.size()) / tally.seconds);
  return tally.others + tally.lost == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) try {
  Options options;
  CLI::App app("Load client for 127.0.0.1.");
  app.add_option("--port", options.port)->capture_default_str();
  app.add_option("--path", options.path)->capture_default_str();
  app.add_option("--method", options.method)->check(CLI::IsMember({"GET", "POST"}));
  app.add_option("--body", options.body, "for POST");
  app.add_option("--content-type", options.content_type)->capture_default_str();
  app.add_option("--connections", options.connections)->check(CLI::Range(1, 1000));
  app.add_option("--requests", options.requests)->check(CLI::Range(1, 10'000'000));
  app.add_option("--seconds", options.seconds, "send no more after these")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--rate", options.rate, "open loop: requests per second")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--fake-workers", options.fake_workers,
                 "start a gateway here, with so many workers that answer at once")
      ->check(CLI::Range(0, 64));
  CLI11_PARSE(app, argc, argv);

  std::unique_ptr<onecopy::gateway::TestGateway> gateway;
  if (options.fake_workers > 0) {
    gateway = std::make_unique<onecopy::gateway::TestGateway>();
    for (std::size_t i = 0; i < options.fake_workers; ++i) gateway->add_worker();
    gateway->ready();
    options.port = gateway->port();
  }
  const std::string headers = "Content-Type: " + options.content_type + "\r\n";
  const std::string request =
      options.method == "GET" ? onecopy::gateway::get_request(options.path)
                              : onecopy::gateway::post_request(options.path, options.body, headers);
  Options warm_up = options;
  warm_up.requests = std::min<std::size_t>(options.requests / 10 + 1, 1000);
  warm_up.seconds = options.seconds / 5;
  run(warm_up, request);
  return report(options, run(options, request));
} catch (const std::exception& error) {
  fmt::print(stderr, "http_bench: {}\n", error.what());
  return 1;
}
