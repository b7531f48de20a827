// A gateway on a thread of the test, which plays its host and nursery.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "gateway/gateway.h"
#include "shared/protocol/control.h"
#include "tests/gateway/fake_host.h"
#include "tests/gateway/fake_worker.h"
#include "tests/gateway/raw_client.h"

namespace onecopy::gateway {

// Listens on a free port of 127.0.0.1.
struct ListeningSocket {
  UniqueFd fd;
  std::uint16_t port = 0;
};
ListeningSocket listen_on_any_port();

// A door that a fake worker waits at until the test opens it.
class Door {
 public:
  void open();
  void wait();

 private:
  std::mutex mutex_;
  std::condition_variable opened_;
  bool is_open_ = false;
};

// Answers plainly once the door is open.
Behaviour behind(Door& door);

// Models that every TestGateway has, none of which exists: qa0 and qa1 (question answering), cls
// (labels "no", "yes"), emb (2 values). What a model is follows from how its name begins; one whose
// name begins with "lost" cannot be read.
Result<SegmentFacts> facts_of(const std::string& segment, int fd);
// What the name of a request's segment says.
std::string model_of(const WorkRequest& request);
std::uint32_t version_of(const WorkRequest& request);
std::uint64_t generation_of(const WorkRequest& request);

// Its workers are threads that end with it: declare before it what they use. Nothing orders what
// they do with what a test does after a reply, as the sanitizer sees it, so what both touch needs a
// lock.
class TestGateway {
 public:
  explicit TestGateway(const Settings& settings = {}, bool with_models = true,
                       const std::string& management_key = "");
  ~TestGateway();

  std::uint16_t port() const { return port_; }
  std::uint16_t management_port() const { return management_port_; }
  RawClient connect() const { return RawClient(port_); }
  const std::string& instance() const { return instance_; }

  FakeHost& host() { return *host_; }
  // Adds or replaces the version; the gateway has it when this returns.
  Json add_model(const std::string& name, std::uint32_t version = 1);
  // One worker more is wanted, forked and known. Those that died are replaced first.
  FakeWorker& add_worker(Behaviour behaviour = answer_plainly);
  FakeWorker& add_batch_worker(BatchBehaviour behaviour);
  // Waits until a worker's death has made the gateway ask for another.
  void wait_for_death();
  FakeHost::Fork take_fork();
  // The gateway has seen all that was sent before.
  void ready() { host_->publish(); }
  // A request to the management port.
  RawReply manage(std::string_view method, std::string_view target, std::string_view body = "",
                  std::string_view headers = "") const;
  // The host's death; a new one.
  void close_host() { host_->close(); }
  void restart_host() { host_ = std::make_unique<FakeHost>(instance_); }
  // "onecopy stop" where there is no host.
  void stop_alone();
  void join();  // waits for the gateway's end

 private:
  std::string instance_;
  std::uint16_t port_ = 0;
  std::uint16_t management_port_ = 0;
  std::unique_ptr<Gateway> gateway_;
  std::thread thread_;
  std::unique_ptr<FakeHost> host_;
  std::deque<FakeHost::Fork> forks_;  // that the gateway asked for in vain so far
  std::size_t wanted_ = 1;
  std::size_t given_ = 0;    // without those that died
  std::size_t arrived_ = 0;  // with them
  std::vector<std::unique_ptr<FakeWorker>> workers_;
};

// Waits until the gateway has handled what the client sent, or its end.
void settle(const TestGateway& gateway, const RawClient& client);

}  // namespace onecopy::gateway
