#include "host/control/commands.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "host/control/model_root.h"
#include "shared/base/limits.h"
#include "shared/protocol/control.h"

namespace onecopy::host {
namespace {

// As ASSIGN_OR_RETURN, for a Result within an Outcome: the error becomes a refusal.
// NOLINTBEGIN(bugprone-macro-parentheses): a declaration cannot stand in parentheses
#define TAKE_OR_REFUSE(declaration, expression) \
  TAKE_OR_REFUSE_INNER(ONECOPY_CONCAT(taken_at_line_, __LINE__), declaration, expression)
#define TAKE_OR_REFUSE_INNER(result, declaration, expression)              \
  auto result = (expression);                                              \
  if (!result) return tl::unexpected<Refusal>(refusal_of(result.error())); \
  declaration = std::move(*result)
// NOLINTEND(bugprone-macro-parentheses)

Commands::Answer said(std::string status) { return {200, {{"status", std::move(status)}}}; }

Commands::Answer answer_of(const Refusal& refusal) {
  return {static_cast<int>(refusal.status), {{"error", refusal.text}}};
}

constexpr std::uint32_t kAnyVersion = 0;

Result<std::uint32_t> read_version(const JsonFields& args) {
  if (!args.has("version")) return kAnyVersion;
  return args.number("version", 1, limits::kModelVersion);
}

Result<std::map<std::uint32_t, double>> read_percentages(const JsonFields& args, const char* key) {
  std::map<std::uint32_t, double> percentages;
  if (!args.has(key)) return percentages;
  ASSIGN_OR_RETURN(const JsonFields object, args.object(key));
  for (const auto& [text, value] : object.json().items()) {
    std::uint32_t version = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), version);
    if (error != std::errc() || end != text.data() + text.size() || !value.is_number()) {
      return fail(ErrorCode::kInvalidArgument, "{}: it must be versions with percentages", key);
    }
    percentages[version] = value.get<double>();
  }
  return percentages;
}

}  // namespace

void Commands::on_command(const Json& message) {
  const auto id = number_field(message, "id");
  if (!id) return;
  const auto op = text_field(message, "op");
  const Json* const args = find_field(message, "args");
  const Json none = Json::object();
  const JsonFields fields(args != nullptr && args->is_object() ? *args : none, "");
  if (op && *op == "register") return begin_register(*id, fields);
  reply_(*id, run(op.value_or(""), fields));
}

Commands::Answer Commands::run(const std::string& op, const JsonFields& args) {
  Outcome<Answer> answer = [&]() -> Outcome<Answer> {
    if (op == "unregister") return unregister(args);
    if (op == "set_default") return set_default(args);
    if (op == "set_traffic") return set_traffic(args);
    if (op == "set_workers") return set_workers(args);
    if (op == "load_status") return load_status(args);
    return refuse(Refused::kBadRequest, "the host knows no command '{}'", op);
  }();
  return answer ? std::move(*answer) : answer_of(answer.error());
}

// ---- register ----

Outcome<NewModel> Commands::read_register(const JsonFields& args) const {
  NewModel model;
  model.origin = "api";
  ModelSource& source = model.source;
  TAKE_OR_REFUSE(const std::string url, args.text("url"));
  auto folder = folder_under_root(model_root_, url);
  if (!folder) return tl::unexpected<Refusal>(folder.error());
  source.folder = std::move(*folder);
  TAKE_OR_REFUSE(source.name, args.text("model_name", source.folder.filename().string()));
  TAKE_OR_REFUSE(source.version, read_version(args));
  TAKE_OR_REFUSE(const std::string precision, args.text("precision", "f32"));
  if (const Status good = apply_model_setting(source, "precision", precision); !good) {
    return tl::unexpected<Refusal>(refusal_of(good.error()));
  }
  TAKE_OR_REFUSE(const std::string adapter, args.text("adapter", ""));
  if (adapter.empty()) return model;
  auto adapter_folder = folder_under_root(model_root_, adapter);
  if (!adapter_folder) return tl::unexpected<Refusal>(adapter_folder.error());
  source.adapter = std::move(*adapter_folder);
  return model;
}

void Commands::begin_register(std::uint64_t id, const JsonFields& args) {
  auto model = read_register(args);
  if (!model) return reply_(id, answer_of(model.error()));
  const auto synchronous = args.flag("synchronous", true);
  if (!synchronous) return reply_(id, answer_of(refusal_of(synchronous.error())));
  ModelSource& source = model->source;
  if (source.version == kAnyVersion) source.version = registrations_.free_version(source.name);
  const std::string name = source.name;
  const std::uint32_t version = source.version;
  const auto answered = std::make_shared<bool>(false);
  registrations_.begin(std::move(*model), [this, id, answered, waiting = std::weak_ptr(waiting_)](
                                              const Outcome<Served>& outcome) {
    if (waiting.expired() || std::exchange(*answered, true)) return;
    if (!outcome) return reply_(id, answer_of(outcome.error()));
    const ModelEntry& entry = outcome->entry;
    Answer answer =
        said(fmt::format("Model \"{}\" Version: {} registered with {} initial workers", entry.name,
                         entry.version, registry_.snapshot().workers.count));
    answer.body.update({{"model_name", entry.name}, {"version", entry.version}});
    reply_(id, answer);
  });
  if (*synchronous || std::exchange(*answered, true)) return;
  reply_(id, {202,
              {{"status", fmt::format("Processing model \"{}\" version: {}...", name, version)},
               {"model_name", name},
               {"version", version}}});
}

// ---- the others ----

Outcome<Commands::Answer> Commands::unregister(const JsonFields& args) {
  TAKE_OR_REFUSE(const std::string model, args.text("model"));
  TAKE_OR_REFUSE(const std::uint32_t version, read_version(args));
  const bool cancelled = registrations_.cancel(
      model, version, fmt::format("model {} was unregistered while it was loaded", model));
  const bool is_served = version == kAnyVersion
                             ? !registry_.versions_of(model).empty()
                             : registry_.snapshot().find(model, version) != nullptr;
  if (is_served || !cancelled) {
    const auto removed =
        version == kAnyVersion ? registry_.remove_all(model) : registry_.remove(model, version);
    if (!removed) return tl::unexpected<Refusal>(removed.error());
    publish_();
  }
  return said(fmt::format("Model \"{}\" unregistered", model));
}

Outcome<Commands::Answer> Commands::set_default(const JsonFields& args) {
  TAKE_OR_REFUSE(const std::string model, args.text("model"));
  TAKE_OR_REFUSE(const std::uint32_t version, args.number("version", 1, limits::kModelVersion));
  if (const auto set = registry_.set_default(model, version); !set) {
    return tl::unexpected<Refusal>(set.error());
  }
  publish_();
  return said(fmt::format("Default version successfully updated for model \"{}\" to \"{}\"", model,
                          version));
}

Outcome<Commands::Answer> Commands::set_traffic(const JsonFields& args) {
  TAKE_OR_REFUSE(const std::string model, args.text("model"));
  TrafficEntry traffic;
  TAKE_OR_REFUSE(traffic.shares, read_percentages(args, "shares"));
  TAKE_OR_REFUSE(traffic.shadow, read_percentages(args, "shadow"));
  TAKE_OR_REFUSE(traffic.sticky_header, args.text("sticky_header", ""));
  if (const auto set = registry_.set_traffic(model, std::move(traffic)); !set) {
    return tl::unexpected<Refusal>(set.error());
  }
  publish_();
  return said(fmt::format("Traffic of model \"{}\" updated", model));
}

// A count outside of min and max moves them; where they were one number, both go with it.
Outcome<Commands::Answer> Commands::set_workers(const JsonFields& args) {
  const WorkerCounts now = registry_.snapshot().workers;
  constexpr auto kMost = static_cast<std::uint32_t>(limits::kWorkers);
  WorkerCounts wanted;
  TAKE_OR_REFUSE(wanted.count, args.number("count", now.count, 1, kMost));
  const bool fixed = now.min == now.max;
  TAKE_OR_REFUSE(
      wanted.min,
      args.number("min", fixed ? wanted.count : std::min(now.min, wanted.count), 1, kMost));
  TAKE_OR_REFUSE(wanted.max, args.number("max",
                                         fixed ? std::max(wanted.count, wanted.min)
                                               : std::max(now.max, wanted.count),
                                         1, kMost));
  if (!args.has("count")) {
    if (wanted.min > wanted.max) {
      return refuse(Refused::kBadRequest, "max: {} is less than min {}", wanted.max, wanted.min);
    }
    wanted.count = std::clamp(wanted.count, wanted.min, wanted.max);
  }
  if (const auto set = registry_.set_workers(wanted); !set) {
    return tl::unexpected<Refusal>(set.error());
  }
  publish_();
  Answer answer = said(fmt::format("Workers scaled to {}", wanted.count));
  answer.body.update({{"count", wanted.count}, {"min", wanted.min}, {"max", wanted.max}});
  return answer;
}

Outcome<Commands::Answer> Commands::load_status(const JsonFields& args) const {
  TAKE_OR_REFUSE(const std::string model, args.text("model"));
  TAKE_OR_REFUSE(const std::uint32_t version, read_version(args));
  Json body{{"model_name", model}};
  if (version != kAnyVersion) body["version"] = version;
  if (const auto state = registrations_.state_of(model, version)) {
    body["status"] = to_string(state->stage);
    body["done"] = state->done;
    body["total"] = state->total;
    if (state->stage == LoadState::Stage::kFailed) {
      body["error"] = state->error.text;
      body["code"] = static_cast<int>(state->error.status);
    }
    return Answer{200, std::move(body)};
  }
  const bool is_served = version == kAnyVersion
                             ? !registry_.versions_of(model).empty()
                             : registry_.snapshot().find(model, version) != nullptr;
  if (!is_served) return refuse(Refused::kNotFound, "Model not found: {}", model);
  body["status"] = "serving";
  return Answer{200, std::move(body)};
}

}  // namespace onecopy::host
