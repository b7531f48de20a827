#include "gateway/control/host_commands.h"

#include <utility>

#include "gateway/api/json_text.h"
#include "gateway/api/reply_json.h"
#include "shared/base/limits.h"
#include "shared/protocol/control.h"

namespace onecopy::gateway {
namespace {

constexpr std::string_view kNoHost =
    "the host is not running: models and workers cannot be changed until it is; start onecopy "
    "serve again";
constexpr int kRetryAfterS = 5;

Result<HttpReply> reply_of(const Json& message) {
  ASSIGN_OR_RETURN(const std::uint64_t status, number_field(message, "status"));
  const Json* const body = find_field(message, "body");
  if (status < 200 || status > 599 || body == nullptr) {
    return fail(ErrorCode::kInternal, "the host answered status {} without a body", status);
  }
  HttpReply reply{
      static_cast<int>(status), body->dump(-1, ' ', false, Json::error_handler_t::replace), 0, {}};
  if (status == 503 || status == 429) reply.retry_after_s = 1;
  return reply;
}

}  // namespace

// Waits for one result.
class HostCommands::Command final : public PendingReply {
 public:
  Command(HostCommands& owner, std::uint64_t id, Milliseconds timeout, ReplySink& sink)
      : owner_(owner), id_(id), sink_(sink), timer_(owner.loop_, [this, timeout] {
          answer(error_reply({ErrorCode::kDeadline,
                              fmt::format("the host has not answered within {} ms; it goes on with "
                                          "it: GET /models/MODEL/VERSION/status tells how far",
                                          timeout.count())},
                             0));
        }) {
    timer_.set_after(timeout);
    owner_.waiting_[id_] = this;
  }
  ~Command() override { owner_.waiting_.erase(id_); }

  // The last thing that a command does: the sink may destroy it.
  void answer(HttpReply reply) {
    owner_.waiting_.erase(id_);
    timer_.clear();
    sink_.reply(std::move(reply));
  }

 private:
  HostCommands& owner_;
  const std::uint64_t id_;
  ReplySink& sink_;
  Timer timer_;
};

Result<std::unique_ptr<PendingReply>> HostCommands::run(const char* op, Json args,
                                                        Milliseconds timeout, ReplySink& sink) {
  if (waiting_.size() >= limits::kCommands) {
    return fail(ErrorCode::kBusy, "{} management calls wait for the host; retry later",
                limits::kCommands);
  }
  const std::uint64_t id = next_id_++;
  if (!send_({{"type", "command"}, {"id", id}, {"op", op}, {"args", std::move(args)}})) {
    return fail(ErrorCode::kUnavailable, "{}", kNoHost);
  }
  return std::make_unique<Command>(*this, id, timeout, sink);
}

void HostCommands::on_result(const Json& message) {
  const auto id = number_field(message, "id");
  if (!id) return;
  const auto found = waiting_.find(*id);
  if (found == waiting_.end()) return;  // its client has left, or its time was over
  auto reply = reply_of(message);
  found->second->answer(reply ? std::move(*reply) : error_reply(reply.error(), 0));
}

void HostCommands::on_host_gone() {
  while (!waiting_.empty()) {
    waiting_.begin()->second->answer(
        {503,
         error_body(fmt::format("the host ended before it had answered; {}", kNoHost)),
         kRetryAfterS,
         {}});
  }
}

}  // namespace onecopy::gateway
