// Starts the real processes and talks to them as users do.
#pragma once

#include <httplib.h>
#include <sys/types.h>

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

namespace onecopy::e2e {

using Json = nlohmann::json;

// The golden data: the project's own, or another set of the same generator named by ONECOPY_GOLDEN.
std::string golden_folder();
inline std::string model_folder(const std::string& name) {
  return golden_folder() + "/models/" + name;
}

// For any question-answering model: what matters is that its answer stays the same.
inline const Json kBridgeQuestion = {
    {"question", "Who built the bridge?"},
    {"context", "The old bridge was built by Quatz. The new one was never finished."}};

// A name that no other running test uses.
std::string unique_instance();

struct Finished {
  int exit_code = -1;  // 128 + signal for a killed one
  std::string out;
  std::string err;
};
// Runs a program of the build folder to its end.
Finished run_program(const std::string& program, const std::vector<std::string>& arguments,
                     const std::string& input = "");

// A command line that the program's own is added to, for instance `unshare --mount`.
using Launcher = std::vector<std::string>;

// Class ServerProcess: `onecopy serve` with free ports, and without an answer cache unless the
// arguments say otherwise: what tests ask again is to be computed again. The destructor kills what
// is left of it.
class ServerProcess {
 public:
  // Returns when it is ready, or when it ended before that (then running() is false).
  explicit ServerProcess(std::vector<std::string> arguments,
                         std::string instance = unique_instance(), Launcher launcher = {});
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  bool running() const { return port_ != 0; }
  pid_t pid() const { return pid_; }  // the launcher's, where there is one that stays
  int port() const { return port_; }
  int management_port() const { return management_port_; }
  const std::string& instance() const { return instance_; }
  const std::string& output() const { return output_; }  // until ready

  httplib::Client client() const;
  // POST with JSON; the status and the parsed reply.
  std::pair<int, Json> post(const std::string& path, const Json& body) const;
  std::pair<int, Json> get(const std::string& path) const;

  // Descendants of the host with this name in ps ("onecopy-worker", ...).
  std::vector<pid_t> processes(const std::string& name) const;
  // Names in /dev/shm that belong to the instance.
  std::vector<std::string> shared_memory() const;

  void signal(int number) const;
  // Waits for the end; the exit code as in Finished.
  int wait();
  int stop();  // SIGTERM and wait

 private:
  void read_until_ready(int fd);
  std::string instance_;
  pid_t pid_ = -1;
  int out_ = -1;
  int port_ = 0;
  int management_port_ = 0;
  std::string output_;
};

// Whether the process runs: one that has ended but was not reaped by its parent does not.
bool is_alive(pid_t pid);

// Tries until `condition` holds; false after a time that only a hang reaches.
bool eventually(const std::function<bool()>& condition);

// All rows of a golden file.
std::vector<Json> golden_rows(const std::string& file);

}  // namespace onecopy::e2e
