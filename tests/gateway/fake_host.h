// Host and nursery as a gateway sees them, on the test's thread.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "shared/protocol/control.h"
#include "shared/protocol/registry_snapshot.h"

namespace onecopy::gateway {

// A listening socket of a name that only this test process uses.
struct Rendezvous {
  std::string instance;
  UniqueFd socket;
};
Rendezvous make_rendezvous();

// Class FakeHost: one connection to a gateway's rendezvous, and a channel as its nursery. Reads
// give up after 30 s, so that a test fails and never hangs.
class FakeHost {
 public:
  // Connects, says hello, takes what the gateway keeps and gives it the settings and a nursery.
  explicit FakeHost(const std::string& instance, const std::string& management_key = "");

  void send(const Json& message, int fd = -1) const;
  // The next message of this type, in their order; the others stay for later. Null after the
  // gateway's end.
  Json wait_for(const std::string& type);
  const Json& hello() const { return hello_; }
  // What the gateway handed over before "kept": types with names.
  const std::vector<std::string>& handed_over() const { return handed_over_; }

  void give_listener(const std::string& port, int fd) const;
  // What is to be served; publish() sends it, with its segments, and returns the gateway's
  // "applied".
  RegistrySnapshot registry;
  // Adds or replaces the version; returns its new segment.
  std::string add_model(const std::string& name, std::uint32_t version = 1);
  void remove_model(const std::string& name, std::uint32_t version);
  Json publish();
  // The gateway's next command, answered.
  Json answer_command(int status, const Json& body);

  // ---- as the nursery ----
  struct Fork {
    std::uint64_t id = 0;
    UniqueFd socket;  // the worker's end
  };
  Fork next_fork();
  void forked(std::uint64_t id, pid_t pid = 1, int pidfd = -1) const;
  void send_as_nursery(const Json& message) const;
  Json wait_at_nursery(const std::string& type) const;
  void new_nursery();
  void close_nursery() { nursery_.reset(); }
  void close() { channel_.reset(); }

  // Waits until the gateway has said so often that one worker more is there.
  void wait_for_workers(std::size_t arrived);
  // Waits until it says that so many are there and wanted.
  void wait_for_counts(std::size_t alive, std::size_t wanted);

 private:
  Result<ControlMessage> receive();
  void note_workers(const Json& message);

  UniqueFd channel_;
  UniqueFd nursery_;
  Json hello_;
  std::vector<std::string> handed_over_;
  std::deque<Json> unread_;
  std::uint64_t next_generation_ = 1;
  std::size_t alive_ = 0;
  std::size_t wanted_ = 0;
  std::size_t arrived_ = 0;
};

}  // namespace onecopy::gateway
