// The real onecopy-nursery, and those who talk to it: a host, a gateway, and the gateway's end of a
// worker, all within the calling process. What fails throws std::runtime_error.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "shared/base/unique_fd.h"
#include "shared/protocol/control.h"
#include "shared/protocol/mailbox.h"

namespace onecopy::worker {

// Class NurseryProcess: the program, started with a rendezvous of this instance. The destructor
// kills it.
class NurseryProcess {
 public:
  explicit NurseryProcess(const std::string& instance, std::vector<std::string> options = {});
  ~NurseryProcess();
  NurseryProcess(const NurseryProcess&) = delete;
  NurseryProcess& operator=(const NurseryProcess&) = delete;

  pid_t pid() const { return pid_; }
  // How it ended ("exit code 0"); "it did not end" after a time that only a hang reaches.
  std::string wait();

 private:
  pid_t pid_ = -1;
  UniqueFd pidfd_;
};

// Class ControlClient: an end of a control channel that waits for what it is told.
class ControlClient {
 public:
  explicit ControlClient(UniqueFd channel) : channel_(std::move(channel)) {}

  void send(const Json& message, int fd = -1) const;
  void send_raw(std::string_view bytes, int fd = -1) const;
  // The next message; of type "closed" when the other end is gone.
  ControlMessage next() const;
  // The next message of this type; others are dropped.
  ControlMessage next(const std::string& type) const;
  bool has_message() const;
  void close() { channel_.reset(); }

 private:
  UniqueFd channel_;
};

// Class TestHost: a host that has connected and has been given everything.
class TestHost : public ControlClient {
 public:
  explicit TestHost(const std::string& instance);

  // From the nursery's hello to "kept".
  const std::vector<ControlMessage>& greeting() const { return greeting_; }
  const Json& hello() const { return greeting_.front().body; }

  // The answer to a trial with these published segments' files.
  Json try_out(std::uint64_t id, const std::vector<std::string>& files, const Json& question) const;
  void send_trial_files(std::uint64_t id, const std::vector<std::string>& files) const;

 private:
  std::vector<ControlMessage> greeting_;
};

// Class TestWorker: a worker as its gateway sees it.
class TestWorker {
 public:
  TestWorker(pid_t pid, UniqueFd pidfd, UniqueFd socket);

  pid_t pid() const { return pid_; }
  int pidfd() const { return pidfd_.get(); }
  int socket() const { return socket_.get(); }
  // Published segments; the last one is attached, the others are those that it borrows from.
  void attach(const std::vector<std::string>& segments) const;
  void detach(const std::string& segment) const;
  WorkReply ask(const WorkRequest& request);
  void post(const WorkRequest& request);  // without waiting
  WorkReply collect();                    // waits for the answer to what was posted
  void give_up();                         // what was posted: nobody wants its answer any more
  // Steps that it counted since it was forked.
  std::uint32_t progress() { return mailbox_.progress().load(); }
  bool has_ended(bool wait) const;  // wait: for a time that only a hang reaches
  void close() { socket_.reset(); }

 private:
  pid_t pid_;
  UniqueFd pidfd_;
  UniqueFd socket_;
  Mailbox mailbox_;
  std::uint64_t epoch_ = 0;
};

// Class TestGateway: a gateway that the host has told the nursery of.
class TestGateway : public ControlClient {
 public:
  explicit TestGateway(const TestHost& host);
  TestWorker fork(std::uint64_t id) const;
};

}  // namespace onecopy::worker
