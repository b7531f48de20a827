// Copies of requests for versions that are only tried: computed when workers have nothing else to
// do, their answers not used.
#pragma once

#include <deque>
#include <list>
#include <memory>

#include "gateway/dispatch/answers.h"
#include "gateway/dispatch/call.h"
#include "gateway/dispatch/dispatcher.h"

namespace onecopy::gateway {

// Class ShadowTraffic: owns the copies' calls; borrows loop, dispatcher and answers. A copy waits
// here, not in the queue, until a worker is idle and nothing is queued; it is dropped when
// limits::kShadows wait already or its request's time is over, and given up in the midst of its
// work when a real request waits. One thread.
class ShadowTraffic {
 public:
  ShadowTraffic(EventLoop& loop, Dispatcher& dispatcher, Answers& answers, Milliseconds timeout)
      : loop_(loop), dispatcher_(dispatcher), answers_(answers), timeout_(timeout) {}

  // `work` names the shadow version.
  void offer(Work work, Call::Format format);
  // Around the queueing of every real request that needs a worker: copies are out of its way.
  void before_real_request();
  void after_real_request();
  // Perhaps there is an idle worker now.
  void on_load_changed();

  std::size_t waiting() const { return waiting_.size(); }

 private:
  struct Copy {
    Work work;
    Call::Format format;
    Clock::time_point until;
  };
  // One that is with a worker; hears its answer and ends.
  class Running final : public ReplySink {
   public:
    explicit Running(ShadowTraffic& owner) : owner_(owner) {}
    void reply(HttpReply reply) override;
    std::unique_ptr<Call> call;
    std::list<std::shared_ptr<Running>>::iterator place;

   private:
    ShadowTraffic& owner_;
  };
  void start_waiting();
  void start(Copy copy);
  void give_up(Running& copy);

  EventLoop& loop_;
  Dispatcher& dispatcher_;
  Answers& answers_;
  const Milliseconds timeout_;
  std::deque<Copy> waiting_;
  std::list<std::shared_ptr<Running>> running_;
  bool start_is_due_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace onecopy::gateway
