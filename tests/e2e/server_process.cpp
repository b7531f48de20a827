#include "tests/e2e/server_process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "shared/base/small_file.h"
#include "shared/segment/names.h"

namespace onecopy::e2e {
namespace {

constexpr auto kHang = std::chrono::seconds(60);

int decode(int status) {
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

// The ends that the program writes to (or reads from) close in the parent.
struct Started {
  pid_t pid;
  int in;
  int out;
  int err;
};

Started start(std::vector<std::string> command, bool catch_errors) {
  std::array<int, 2> in{};
  std::array<int, 2> out{};
  std::array<int, 2> err{};
  if (::pipe2(in.data(), O_CLOEXEC) != 0 || ::pipe2(out.data(), O_CLOEXEC) != 0 ||
      ::pipe2(err.data(), O_CLOEXEC) != 0) {
    std::abort();
  }
  std::vector<char*> argv;
  argv.reserve(command.size() + 1);
  for (std::string& word : command) argv.push_back(word.data());
  argv.push_back(nullptr);
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::dup2(in[0], 0);
    ::dup2(out[1], 1);
    if (catch_errors) ::dup2(err[1], 2);
    ::execvp(argv[0], argv.data());
    ::_exit(127);
  }
  ::close(in[0]);
  ::close(out[1]);
  ::close(err[1]);
  return {pid, in[1], out[0], err[0]};
}

std::vector<std::string> command_line(Launcher launcher, const std::string& program,
                                      const std::vector<std::string>& arguments) {
  launcher.push_back(std::string(ONECOPY_BINARY_DIR) + "/" + program);
  launcher.insert(launcher.end(), arguments.begin(), arguments.end());
  return launcher;
}

pid_t parent_of(const std::string& pid) {
  const std::string stat = read_kernel_file("/proc/" + pid + "/stat");
  const std::size_t after_name = stat.rfind(')');
  if (after_name == std::string::npos || stat.size() < after_name + 5) return -1;
  if (stat[after_name + 2] == 'Z') return -1;
  return std::stoi(stat.substr(after_name + 4));
}

bool descends_from(pid_t pid, pid_t ancestor) {
  for (int depth = 0; pid > 1 && depth < 8; ++depth) {
    pid = parent_of(std::to_string(pid));
    if (pid == ancestor) return true;
  }
  return false;
}

}  // namespace

std::string golden_folder() {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): no test changes the environment
  const char* other = std::getenv("ONECOPY_GOLDEN");
  return other != nullptr ? other : ONECOPY_SOURCE_DIR "/tests/golden";
}

std::string unique_instance() {
  static std::atomic<int> count{0};
  return "test-" + std::to_string(::getpid()) + "-" + std::to_string(++count);
}

Finished run_program(const std::string& program, const std::vector<std::string>& arguments,
                     const std::string& input) {
  const Started p = start(command_line({}, program, arguments), true);
  std::thread writer([&] {
    for (std::size_t done = 0; done < input.size();) {
      const ssize_t n = ::write(p.in, input.data() + done, input.size() - done);
      if (n <= 0) break;
      done += static_cast<std::size_t>(n);
    }
    ::close(p.in);
  });
  Finished finished;
  const auto drain = [](int fd, std::string& to) {
    std::array<char, 65536> buffer{};
    for (ssize_t n = 0; (n = ::read(fd, buffer.data(), buffer.size())) > 0;) {
      to.append(buffer.data(), static_cast<std::size_t>(n));
    }
    ::close(fd);
  };
  std::thread errors([&] { drain(p.err, finished.err); });
  drain(p.out, finished.out);
  errors.join();
  writer.join();
  int status = 0;
  ::waitpid(p.pid, &status, 0);
  finished.exit_code = decode(status);
  return finished;
}

ServerProcess::ServerProcess(std::vector<std::string> arguments, std::string instance,
                             Launcher launcher)
    : instance_(std::move(instance)) {
  std::signal(SIGPIPE, SIG_IGN);
  arguments.insert(arguments.begin(),
                   {"serve", "--port", "0", "--management-port", "0", "--instance", instance_});
  if (std::ranges::find(arguments, "--answer-cache-mb") == arguments.end()) {
    arguments.insert(arguments.end(), {"--answer-cache-mb", "0"});
  }
  const Started p = start(command_line(std::move(launcher), "onecopy", arguments), false);
  ::close(p.in);
  ::close(p.err);
  pid_ = p.pid;
  out_ = p.out;
  read_until_ready(p.out);
}

ServerProcess::~ServerProcess() {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    wait();
  }
  // Gateway and workers serve on without their host.
  if (!shared_memory().empty()) {
    (void)run_program("onecopy", {"stop", "--instance", instance_});
    // Not by "onecopy clean", which takes what other tests publish at this moment too.
    for (const std::string& name : shared_memory()) {
      std::filesystem::remove(shared_memory_path(name));
    }
  }
  if (out_ >= 0) ::close(out_);
}

void ServerProcess::read_until_ready(int fd) {
  char c = 0;
  std::string line;
  const auto port_in = [&] { return std::stoi(line.substr(line.rfind(':') + 1)); };
  while (::read(fd, &c, 1) == 1) {
    output_ += c;
    if (c != '\n') {
      line += c;
      continue;
    }
    if (line.find("management on http") != std::string::npos) management_port_ = port_in();
    if (line.starts_with("ready on http")) {
      port_ = port_in();
      return;
    }
    line.clear();
  }
}

httplib::Client ServerProcess::client() const {
  httplib::Client client("127.0.0.1", port_);
  client.set_read_timeout(kHang);
  client.set_keep_alive(true);
  return client;
}

std::pair<int, Json> ServerProcess::post(const std::string& path, const Json& body) const {
  auto result = client().Post(path, body.dump(-1, ' ', false, Json::error_handler_t::ignore),
                              "application/json");
  if (!result) return {-1, to_string(result.error())};
  return {result->status, Json::parse(result->body, nullptr, false)};
}

std::pair<int, Json> ServerProcess::get(const std::string& path) const {
  auto result = client().Get(path);
  if (!result) return {-1, to_string(result.error())};
  return {result->status, Json::parse(result->body, nullptr, false)};
}

std::vector<pid_t> ServerProcess::processes(const std::string& name) const {
  std::vector<pid_t> found;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string pid = entry.path().filename();
    if (pid.find_first_not_of("0123456789") != std::string::npos) continue;
    if (read_kernel_file(entry.path() / "comm") != name + "\n") continue;
    if (descends_from(std::stoi(pid), pid_)) found.push_back(std::stoi(pid));
  }
  return found;
}

std::vector<std::string> ServerProcess::shared_memory() const {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator("/dev/shm")) {
    const std::string name = entry.path().filename();
    if (name.find(":" + instance_ + ":") != std::string::npos) names.push_back(name);
  }
  return names;
}

void ServerProcess::signal(int number) const { ::kill(pid_, number); }

int ServerProcess::wait() {
  int status = 0;
  ::waitpid(pid_, &status, 0);
  pid_ = -1;
  return decode(status);
}

int ServerProcess::stop() {
  signal(SIGTERM);
  return wait();
}

bool is_alive(pid_t pid) { return parent_of(std::to_string(pid)) != -1; }

bool eventually(const std::function<bool()>& condition) {
  const auto give_up = std::chrono::steady_clock::now() + kHang;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > give_up) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

std::vector<Json> golden_rows(const std::string& file) {
  std::ifstream lines(golden_folder() + "/" + file);
  std::vector<Json> rows;
  for (std::string line; std::getline(lines, line);) rows.push_back(Json::parse(line));
  return rows;
}

}  // namespace onecopy::e2e
