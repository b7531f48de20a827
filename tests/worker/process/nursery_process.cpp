#include "tests/worker/process/nursery_process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <stdexcept>
#include <utility>

#include "shared/base/pidfd.h"
#include "shared/base/process.h"
#include "shared/protocol/rendezvous.h"
#include "shared/protocol/worker_messages.h"
#include "shared/segment/segment_file.h"

namespace onecopy::worker {
namespace {

constexpr int kHangMs = 60'000;

template <class T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().text);
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

bool readable(int fd, int timeout_ms = kHangMs) {
  pollfd event{fd, POLLIN, 0};
  return ::poll(&event, 1, timeout_ms) == 1;
}

[[noreturn]] void become_nursery(int rendezvous, std::vector<std::string> arguments) {
  ::fcntl(rendezvous, F_SETFD, 0);
  std::vector<char*> argv;
  argv.reserve(arguments.size() + 1);
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  ::execv(argv[0], argv.data());
  ::_exit(127);
}

}  // namespace

NurseryProcess::NurseryProcess(const std::string& instance, std::vector<std::string> options) {
  const UniqueFd rendezvous = must(listen_at(instance, Role::kNursery));
  const std::string program = ONECOPY_BINARY_DIR "/onecopy-nursery";
  options.insert(options.begin(),
                 {program, "--rendezvous", std::to_string(rendezvous.get()), "--threads", "2"});
  pid_ = ::fork();
  if (pid_ == 0) become_nursery(rendezvous.get(), std::move(options));
  pidfd_ = must(open_pidfd(pid_));
}

NurseryProcess::~NurseryProcess() {
  if (!pidfd_) return;
  send_signal(pidfd_.get(), SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

std::string NurseryProcess::wait() {
  if (!readable(pidfd_.get())) return "it did not end";
  const auto status = reap(pidfd_.get());
  pidfd_.reset();
  return status ? how_it_ended(*status) : "it cannot be reaped";
}

void ControlClient::send(const Json& message, int fd) const {
  must(send_control(channel_.get(), message, fd));
}

void ControlClient::send_raw(std::string_view bytes, int fd) const {
  must(send_message(channel_.get(), std::as_bytes(std::span(bytes)), fd));
}

ControlMessage ControlClient::next() const {
  if (!readable(channel_.get())) throw std::runtime_error("no message comes");
  auto message = receive_control(channel_.get());
  if (!message && message.error().code == ErrorCode::kUnavailable) return {"closed", {}, {}};
  return must(std::move(message));
}

ControlMessage ControlClient::next(const std::string& type) const {
  for (;;) {
    ControlMessage message = next();
    if (message.type == type) return message;
    if (message.type == "closed") throw std::runtime_error("closed before " + type);
  }
}

bool ControlClient::has_message() const { return readable(channel_.get(), 0); }

TestHost::TestHost(const std::string& instance)
    : ControlClient(must(connect_to(instance, Role::kNursery))) {
  send(to_json(Hello{.role = "host", .pid = ::getpid()}));
  while (greeting_.empty() || greeting_.back().type != "kept") {
    greeting_.push_back(next());
    if (greeting_.back().type == "closed") throw std::runtime_error("the nursery is gone");
  }
}

void TestHost::send_trial_files(std::uint64_t id, const std::vector<std::string>& files) const {
  for (const std::string& name : files) {
    send({{"type", "trial_file"}, {"id", id}, {"name", name}}, must(open_segment_file(name)).get());
  }
}

Json TestHost::try_out(std::uint64_t id, const std::vector<std::string>& files,
                       const Json& question) const {
  send_trial_files(id, files);
  Json message = question;
  message.update({{"type", "trial"}, {"id", id}});
  send(message);
  return next("trial_done").body;
}

TestWorker::TestWorker(pid_t pid, UniqueFd pidfd, UniqueFd socket)
    : pid_(pid),
      pidfd_(std::move(pidfd)),
      socket_(std::move(socket)),
      mailbox_(must(Mailbox::create())) {
  mailbox_.threads().store(2);
  must(send_worker_message(socket_.get(), WorkerSays::kGreeting, {}, mailbox_.fd()));
}

void TestWorker::attach(const std::vector<std::string>& segments) const {
  for (const std::string& name : segments) {
    must(send_worker_message(socket_.get(), WorkerSays::kFile, name,
                             must(open_segment_file(name)).get()));
  }
  must(send_worker_message(socket_.get(), WorkerSays::kAttach, segments.back()));
}

void TestWorker::detach(const std::string& segment) const {
  must(send_worker_message(socket_.get(), WorkerSays::kDetach, segment));
}

void TestWorker::post(const WorkRequest& request) {
  must(mailbox_.post(++epoch_, {&request, 1}));
  must(send_wake(socket_.get(), epoch_));
}

void TestWorker::give_up() { mailbox_.cancelled().store(1); }

WorkReply TestWorker::ask(const WorkRequest& request) {
  post(request);
  return collect();
}

WorkReply TestWorker::collect() {
  if (!readable(socket_.get())) throw std::runtime_error("the worker does not answer");
  const WorkerMessage wake = must(receive_worker_message(socket_.get()));
  if (wake.epoch != epoch_) throw std::runtime_error("an answer to something else");
  return must(mailbox_.collect(epoch_)).at(0);
}

bool TestWorker::has_ended(bool wait) const { return readable(pidfd_.get(), wait ? kHangMs : 0); }

TestGateway::TestGateway(const TestHost& host) : ControlClient(UniqueFd()) {
  auto ends = must(make_channel());
  host.send({{"type", "gateway"}}, ends.second.get());
  static_cast<ControlClient&>(*this) = ControlClient(std::move(ends.first));
  send(to_json(Hello{.role = "gateway", .pid = ::getpid()}));
  next("hello");
}

TestWorker TestGateway::fork(std::uint64_t id) const {
  auto ends = must(make_channel());
  send({{"type", "fork"}, {"id", id}}, ends.second.get());
  ends.second.reset();
  ControlMessage forked = next("forked");
  if (number_field(forked.body, "id") != id) throw std::runtime_error("another worker");
  const auto pid = static_cast<pid_t>(must(number_field(forked.body, "pid")));
  return TestWorker(pid, std::move(forked.fd), std::move(ends.first));
}

}  // namespace onecopy::worker
