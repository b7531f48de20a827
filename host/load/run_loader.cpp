#include <fcntl.h>

#include <chrono>

#include "host/load/load_order.h"
#include "shared/protocol/control.h"
#include "shared/segment/names.h"
#include "shared/segment/segment_reader.h"

namespace onecopy::host {
namespace {

constexpr auto kProgressEvery = std::chrono::milliseconds(50);

// A segment of ours with its descriptor, and whose tensors it borrows.
Status send_segment_file(int channel, Json message, const std::string& name) {
  const UniqueFd fd(::open(shared_memory_path(name).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd) return fail(ErrorCode::kSystem, "{}: cannot open: {}", name, errno_text());
  ASSIGN_OR_RETURN(const Segment segment, Segment::open(name, Segment::Check::kStructure));
  message["segment"] = name;
  message["borrows"] = segment.dependencies();
  return send_control(channel, message, fd.get());
}

Result<double> ask_to_compare(int channel, const PublishedSegment& f32,
                              const PublishedSegment& candidate) {
  RETURN_IF_ERROR(send_segment_file(channel, {{"type", "reference"}}, f32.name()));
  RETURN_IF_ERROR(send_segment_file(channel, {{"type", "compare"}}, candidate.name()));
  ASSIGN_OR_RETURN(const ControlMessage answer, receive_control(channel));
  const Json* const error = find_field(answer.body, "precision_error");
  if (error != nullptr && error->is_number()) return error->get<double>();
  ASSIGN_OR_RETURN(const std::string text, text_field(answer.body, "error"));
  ASSIGN_OR_RETURN(const std::uint64_t code, number_field(answer.body, "code"));
  return tl::unexpected<Error>(Error{static_cast<ErrorCode>(code), text});
}

Status load(const LoadOrder& order, int channel) {
  TensorCatalogue catalogue;
  auto last = std::chrono::steady_clock::time_point();
  const LoadContext context{
      .arithmetic = order.arithmetic,
      .compare = [&](const PublishedSegment& f32,
                     const PublishedSegment& other) { return ask_to_compare(channel, f32, other); },
      .progress =
          [&](std::uint64_t done, std::uint64_t total) {
            const auto now = std::chrono::steady_clock::now();
            if (now - last < kProgressEvery) return;
            last = now;
            (void)send_control(channel, {{"type", "progress"}, {"done", done}, {"total", total}});
          }};
  ASSIGN_OR_RETURN(const LoadedModel model,
                   load_model(order.source, order.instance, order.generation, catalogue, context));
  Json loaded{{"type", "loaded"},
              {"task", to_string(model.info.task)},
              {"precision", to_string(model.info.precision)},
              {"bytes_borrowed", model.bytes_borrowed},
              {"seconds", model.seconds}};
  if (model.precision_error) loaded["precision_error"] = *model.precision_error;
  RETURN_IF_ERROR(send_segment_file(channel, std::move(loaded), model.segment->name()));
  // The name is the host's from now on; our destructors must not remove it.
  ::_exit(0);
}

}  // namespace

int run_loader(const LoadOrder& order, int channel) {
  const Status loaded = load(order, channel);
  if (loaded) return 0;
  const Error& error = loaded.error();
  (void)send_control(
      channel,
      {{"type", "failed"}, {"code", static_cast<unsigned>(error.code)}, {"text", error.text}});
  return 0;
}

}  // namespace onecopy::host
