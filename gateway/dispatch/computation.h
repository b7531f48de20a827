// A text that is computed, and who waits for it.
#pragma once

#include <boost/intrusive/list.hpp>
#include <list>
#include <memory>
#include <utility>

#include "gateway/dispatch/answers.h"
#include "gateway/dispatch/work.h"

namespace onecopy::gateway {

// Class Computation: owns its item, and the work with others; borrows the waits. Owned by Answers,
// which it tells of its end. The item's deadline is the latest of the waits': each taker watches
// over its own. One thread.
class Computation final : public WorkOwner {
 public:
  Computation(Answers& answers, std::shared_ptr<const Work> work, const AnswerWait& first);
  Computation(const Computation&) = delete;
  Computation& operator=(const Computation&) = delete;

  void add(AnswerWait& wait);
  void remove(AnswerWait& wait);
  bool has_waits() const { return !waits_.empty(); }
  // The wait has left then. Precondition: there is one.
  AnswerWait& take_first();

  const Work& work() const { return *work_; }
  const std::optional<AnswerKey>& key() const { return key_; }  // to keep the answer under, if any
  WorkItem& item() { return item_; }
  const WorkItem& item() const { return item_; }

  bool has_ended = false;                  // it is in no table any more
  std::list<Computation>::iterator place;  // in its owner's list

 private:
  void item_done(WorkReply reply) override;
  void fail_with(const Error& error) override;
  void expire() override;

  Answers& answers_;
  std::shared_ptr<const Work> work_;
  std::optional<AnswerKey> key_;
  WorkItem item_;
  boost::intrusive::list<AnswerWait> waits_;
};

}  // namespace onecopy::gateway
