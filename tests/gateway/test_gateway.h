// A gateway on a thread of the test, which plays its host.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "gateway/gateway.h"
#include "shared/protocol/control.h"
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
// (labels "no", "yes"), emb (2 values). The "segment" of each is its name.
ModelInfo info_of(const std::string& segment);

// Its workers are threads that end with it: declare before it what they use. Nothing orders what
// they do with what a test does after a reply, as the sanitizer sees it, so what both touch needs a
// lock.
class TestGateway {
 public:
  explicit TestGateway(const Settings& settings = {}, bool with_models = true);
  ~TestGateway();

  std::uint16_t port() const { return port_; }
  std::uint16_t management_port() const { return management_port_; }
  RawClient connect() const { return RawClient(port_); }

  void send(const Json& message, int fd = -1) const;
  void add_model(const std::string& name, const std::string& segment, int version = 1) const;
  FakeWorker& add_worker(Behaviour behaviour = answer_plainly);
  FakeWorker& add_batch_worker(BatchBehaviour behaviour);
  // Waits until the gateway has seen all that was sent before.
  void ready() const;
  // The next message from the gateway of this type; others are skipped.
  Json wait_for(const std::string& type) const;
  void close_control() { control_.reset(); }
  void join();  // waits for the gateway's end

 private:
  UniqueFd control_;
  std::uint16_t port_ = 0;
  std::uint16_t management_port_ = 0;
  std::unique_ptr<Gateway> gateway_;
  std::thread thread_;
  std::uint64_t next_worker_ = 1;
  std::vector<std::unique_ptr<FakeWorker>> workers_;
};

// Waits until the gateway has handled what the client sent, or its end.
void settle(const TestGateway& gateway, const RawClient& client);

}  // namespace onecopy::gateway
