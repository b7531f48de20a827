// onecopy-host: loads models into shared memory and keeps the instance running. `onecopy serve`
// starts it.
#include <fmt/format.h>

#include <cstdio>
#include <vector>

#include "host/ask_nursery.h"
#include "host/options.h"
#include "host/progress_bar.h"
#include "host/publish/model_loader.h"
#include "host/supervise/instance_lock.h"
#include "host/supervise/listen_socket.h"
#include "host/supervise/supervisor.h"
#include "shared/base/cpu_count.h"
#include "shared/base/format_bytes.h"
#include "shared/base/log.h"
#include "shared/base/process.h"

namespace onecopy::host {
namespace {

// Lines for scripts and people alike: whole and at once, also into a pipe.
void print_line(const std::string& line) {
  fmt::print("{}\n", line);
  std::fflush(stdout);
}

std::string describe(const LoadedModel& model) {
  const std::string borrowed =
      model.bytes_borrowed == 0
          ? ""
          : fmt::format(", {} shared with others", format_bytes(model.bytes_borrowed));
  const std::string error =
      model.precision_error
          ? fmt::format(", auto: logits within {:.1f} % of f32's", 100 * *model.precision_error)
          : "";
  return fmt::format("{:<20} {:<24} {:>10} {:<4}  {:.2f} s{}{}",
                     fmt::format("{}:{}", model.info.name, model.info.version),
                     to_string(model.info.task), format_bytes(model.bytes_own),
                     to_string(model.info.precision), model.seconds, borrowed, error);
}

Result<std::vector<LoadedModel>> load_models(const ServeOptions& options,
                                             const SettledArithmetic& settled,
                                             TensorCatalogue& catalogue) {
  std::vector<LoadedModel> models;
  LoadContext context{.arithmetic = settled.arithmetic,
                      .compare =
                          [&](const PublishedSegment& f32, const PublishedSegment& other) {
                            return compare_in_trial(settled.back_ends, f32, other);
                          },
                      .progress = {}};
  std::uint64_t generation = 0;
  for (const ModelSource& source : options.models) {
    if (Supervisor::asked_to_stop()) return models;
    ProgressBar bar(source.name);
    context.progress = [&](std::uint64_t done, std::uint64_t total) { bar.update(done, total); };
    auto loaded = load_model(source, options.instance, ++generation, catalogue, context);
    if (!loaded) return tl::unexpected<Error>(loaded.error());
    models.push_back(std::move(*loaded));
    print_line(describe(models.back()));
  }
  return models;
}

// The order matters: what can be refused is checked before anything is started or loaded, and the
// destructors undo it the other way round: processes end, segments go, the lock is released last.
Status serve(const ServeOptions& options) {
  set_log_instance(options.instance);
  ASSIGN_OR_RETURN(const InstanceLock lock, InstanceLock::acquire(options.instance));
  const auto leftovers = lock.remove_leftovers();
  if (!leftovers.empty())
    log_line(fmt::format("removed {} segments of a host that died", leftovers.size()));
  ASSIGN_OR_RETURN(const ListenSocket inference, listen_on(options.host, options.port));
  ASSIGN_OR_RETURN(const ListenSocket management, listen_on("127.0.0.1", options.management_port));

  ASSIGN_OR_RETURN(const SettledArithmetic settled, settle_arithmetic());

  TensorCatalogue catalogue;
  std::vector<LoadedModel> models;
  Supervisor supervisor(
      {.workers = options.workers,
       .cores = usable_cores(),
       .back_ends = settled.back_ends,
       .inference_socket = inference.fd.get(),
       .management_socket = management.fd.get(),
       .on_ready = [&] {
         print_line(fmt::format("{} workers; management on {}", options.workers, management.url));
         print_line(fmt::format("ready on {}", inference.url));
       }});
  RETURN_IF_ERROR(supervisor.start());
  ASSIGN_OR_RETURN(models, load_models(options, settled, catalogue));
  if (Supervisor::asked_to_stop()) return {};
  std::vector<Announcement> announcements;
  announcements.reserve(models.size());
  for (const LoadedModel& model : models) {
    announcements.push_back({model.info.name, model.info.version, model.segment->name()});
  }
  return supervisor.run(std::move(announcements));
}

// 2: what was asked for cannot be served; 1: the machine or onecopy failed.
int exit_code(const Error& error) {
  const bool ours = error.code == ErrorCode::kSystem || error.code == ErrorCode::kInternal ||
                    error.code == ErrorCode::kDeadline || error.code == ErrorCode::kBusy;
  return ours ? 1 : 2;
}

int report(const Error& error) {
  fmt::print(stderr, "onecopy: {}\n", error.text);
  return exit_code(error);
}

}  // namespace
}  // namespace onecopy::host

int main(int argc, char** argv) {
  auto parsed = onecopy::host::parse_options(argc, argv);
  if (!parsed) return onecopy::host::report(parsed.error());
  if (!parsed->options) return parsed->exit_code;
  onecopy::set_process_name("onecopy-host", argv);
  const auto served = onecopy::host::serve(*parsed->options);
  return served ? 0 : onecopy::host::report(served.error());
}
