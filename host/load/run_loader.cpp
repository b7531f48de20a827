#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <map>
#include <memory>
#include <utility>

#include "host/load/load_order.h"
#include "shared/protocol/control.h"

namespace onecopy::host {
namespace {

constexpr auto kProgressEvery = std::chrono::milliseconds(50);

// What the new model may borrow from. In this process their names must never be removed: the
// owners are not destroyed, as it ends without destructors of statics.
Status fill_catalogue(const LoadOrder& order, TensorCatalogue& catalogue) {
  static std::map<std::string, PublishedSegment::Pointer, std::less<>> owners;
  for (const auto& held : order.live) {
    std::vector<PublishedSegment::Pointer> lenders;
    for (const auto& lender : held->borrows_from()) lenders.push_back(owners.at(lender->name()));
    const auto& owner = owners[held->name()] = std::make_shared<const PublishedSegment>(
        held->name(), UniqueFd(::fcntl(held->fd(), F_DUPFD_CLOEXEC, 0)), std::move(lenders));
    RETURN_IF_ERROR(catalogue.add_segment(owner));
  }
  return {};
}

// A segment of ours with its descriptor, and whose tensors it borrows.
Status send_segment_file(int channel, Json message, const PublishedSegment& segment) {
  message["segment"] = segment.name();
  message["borrows"] = Json::array();
  for (const auto& lender : segment.borrows_from()) message["borrows"].push_back(lender->name());
  return send_control(channel, message, segment.fd());
}

Result<double> ask_to_compare(int channel, const PublishedSegment& f32,
                              const PublishedSegment& candidate) {
  RETURN_IF_ERROR(send_segment_file(channel, {{"type", "reference"}}, f32));
  RETURN_IF_ERROR(send_segment_file(channel, {{"type", "compare"}}, candidate));
  ASSIGN_OR_RETURN(const ControlMessage answer, receive_control(channel));
  const Json* const error = find_field(answer.body, "precision_error");
  if (error != nullptr && error->is_number()) return error->get<double>();
  ASSIGN_OR_RETURN(const std::string text, text_field(answer.body, "error"));
  ASSIGN_OR_RETURN(const std::uint64_t code, number_field(answer.body, "code"));
  return tl::unexpected<Error>(Error{static_cast<ErrorCode>(code), text});
}

Status load(const LoadOrder& order, int channel) {
  TensorCatalogue catalogue;
  RETURN_IF_ERROR(fill_catalogue(order, catalogue));
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
  RETURN_IF_ERROR(send_segment_file(channel, std::move(loaded), *model.segment));
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
