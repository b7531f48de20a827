// What the management API asks for: the gateway's "command" messages.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "host/control/registrations.h"
#include "host/options.h"
#include "shared/base/json_fields.h"

namespace onecopy::host {

// Class Commands: borrows registry and registrations. Every command gets one answer, now or when
// its load has ended. One thread.
class Commands {
 public:
  // The body of a "result".
  struct Answer {
    int status = 200;
    Json body;
  };
  using Reply = std::function<void(std::uint64_t id, const Answer& answer)>;

  Commands(ModelRegistry& registry, Registrations& registrations, std::function<void()> publish,
           Reply reply)
      : registry_(registry),
        registrations_(registrations),
        publish_(std::move(publish)),
        reply_(std::move(reply)) {}
  void set_model_root(std::filesystem::path root) { model_root_ = std::move(root); }

  void on_command(const Json& message);
  // The gateway is gone, and with it whoever waits.
  void forget_all() { waiting_ = std::make_shared<bool>(true); }

 private:
  void begin_register(std::uint64_t id, const JsonFields& args);
  Outcome<NewModel> read_register(const JsonFields& args) const;
  Answer run(const std::string& op, const JsonFields& args);
  Outcome<Answer> unregister(const JsonFields& args);
  Outcome<Answer> set_default(const JsonFields& args);
  Outcome<Answer> set_traffic(const JsonFields& args);
  Outcome<Answer> set_workers(const JsonFields& args);
  Outcome<Answer> load_status(const JsonFields& args) const;

  ModelRegistry& registry_;
  Registrations& registrations_;
  std::function<void()> publish_;
  Reply reply_;
  std::filesystem::path model_root_;
  std::shared_ptr<bool> waiting_ = std::make_shared<bool>(true);  // expires with the gateway
};

}  // namespace onecopy::host
