#include "gateway/dispatch/worker_link.h"

#include <csignal>
#include <utility>

#include "shared/base/pidfd.h"

namespace onecopy::gateway {

Result<std::shared_ptr<WorkerLink>> WorkerLink::create(EventLoop& loop, Events& events,
                                                       std::uint64_t id, UniqueFd socket) {
  ASSIGN_OR_RETURN(Mailbox mailbox, Mailbox::create());
  ASSIGN_OR_RETURN(WorkerChannel channel,
                   WorkerChannel::create(loop, std::move(socket), mailbox.fd()));
  auto link = std::make_shared<WorkerLink>(events, id, std::move(channel), std::move(mailbox));
  RETURN_IF_ERROR(link->channel_.watch(*link));
  return link;
}

WorkerLink::WorkerLink(Events& events, std::uint64_t id, WorkerChannel channel, Mailbox mailbox)
    : events_(events), id_(id), channel_(std::move(channel)), mailbox_(std::move(mailbox)) {}

WorkerLink::~WorkerLink() { close(); }

void WorkerLink::close() { channel_.close(); }

Status WorkerLink::start(std::unique_ptr<Batch>& batch) {
  RETURN_IF_ERROR(mailbox_.post(++epoch_, batch->requests()));
  const Model& model = batch->at(0)->model();
  if (auto sent = channel_.wake(model, epoch_); !sent) {
    return fail(ErrorCode::kUnavailable, "worker {}: {}", id_, sent.error().text);
  }
  batch_ = std::move(batch);
  batch_->marks_cancelled_in(&mailbox_.cancelled());
  last_model_ = &model;
  progress_ = mailbox_.progress();
  silent_for_ = unwanted_for_ = Milliseconds(0);
  started_at_ = Clock::now();
  return {};
}

const Model* WorkerLink::current_model() const {
  for (std::size_t i = 0; batch_ != nullptr && i < batch_->size(); ++i) {
    if (const WorkItem* const item = batch_->at(i)) return &item->model();
  }
  return nullptr;
}

void WorkerLink::on_events(std::uint32_t events) {
  if ((events & EPOLLOUT) != 0) channel_.flush();
  if ((events & ~std::uint32_t{EPOLLOUT}) == 0) return;
  const auto message = channel_.receive();
  if (!message && message.error().code == ErrorCode::kBusy) return;
  if (!message && message.error().code == ErrorCode::kUnavailable) return die();
  lied_ = !message || message->kind != WorkerSays::kWake || batch_ == nullptr ||
          message->epoch != epoch_;
  if (lied_) return die();
  finish();
}

void WorkerLink::finish() {
  auto replies = mailbox_.collect(epoch_);
  lied_ = !replies.has_value();
  if (lied_) return die();
  batch_->marks_cancelled_in(nullptr);
  silent_for_ = Milliseconds(0);
  channel_.detach_waiting();
  events_.on_reply(*this, std::move(batch_), std::move(*replies));
}

bool WorkerLink::hangs(Milliseconds tick, const Settings& settings) {
  if (batch_ == nullptr) return false;
  const std::uint32_t progress = mailbox_.progress();
  silent_for_ =
      std::exchange(progress_, progress) == progress ? silent_for_ + tick : Milliseconds(0);
  unwanted_for_ = batch_->nobody_waits() ? unwanted_for_ + tick : Milliseconds(0);
  return silent_for_ > settings.worker_silence || unwanted_for_ > settings.cancel_grace;
}

void WorkerLink::end_hung() {
  hung_ = true;
  die();
}

// However it came to this, the process must not go on: it may compute, hold memory, or write.
void WorkerLink::die() {
  if (process_) send_signal(process_.get(), SIGKILL);
  if (batch_ != nullptr) batch_->marks_cancelled_in(nullptr);
  close();
  events_.on_death(*this, std::move(batch_));
}

}  // namespace onecopy::gateway
