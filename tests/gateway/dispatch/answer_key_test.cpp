// What makes two askings the same.
#include "gateway/dispatch/answer_key.h"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <set>
#include <vector>

namespace onecopy::gateway {
namespace {

Work work_for(const std::string& segment, Task task = Task::kQuestionAnswering) {
  Model model;
  model.segment = segment;
  model.info.task = task;
  Work work;
  work.model = std::make_shared<const Model>(model);
  work.texts = {{"who", "it was me"}};
  return work;
}

TEST(AnswerKey, IsTheSameForTheSame) {
  const AnswerKeys keys;
  const Work one = work_for("onecopy:i:qa0:1:1");
  Work other = work_for("onecopy:i:qa0:1:1");
  other.timeout = Milliseconds(5);  // changes no answer
  EXPECT_EQ(keys.of(one, one.texts[0]), keys.of(other, other.texts[0]));
  EXPECT_NE(AnswerKeys().of(one, one.texts[0]), keys.of(one, one.texts[0]));
}

TEST(AnswerKey, DiffersWithEverythingThatChangesAnAnswer) {
  const std::vector<std::function<void(Work&)>> changes{
      [](Work&) {},
      [](Work& work) { work = work_for("onecopy:i:qa0:1:2"); },
      [](Work& work) { work = work_for("onecopy:i:qa0:2:1"); },
      [](Work& work) { work = work_for("onecopy:i:qa0:1:1", Task::kEmbedding); },
      [](Work& work) { work.texts[0].text = "whoi"; },
      [](Work& work) {
        work.texts[0] = {"whoi", "t was me"};
      },
      [](Work& work) {
        work.texts[0] = {"whoit was me", ""};
      },
      [](Work& work) {
        work.texts[0] = {"whoit was me", std::nullopt};
      },
      [](Work& work) {
        work.texts[0] = {"", "whoit was me"};
      },
      [](Work& work) { work.qa.top_k = 2; },
      [](Work& work) { work.qa.doc_stride = 2; },
      [](Work& work) { work.qa.max_seq_len = 2; },
      [](Work& work) { work.qa.max_answer_len = 2; },
      [](Work& work) { work.qa.max_question_len = 2; },
      [](Work& work) { work.qa.handle_impossible_answer = 1; },
      [](Work& work) { work.qa.align_to_words = 0; },
      [](Work& work) { work.text_params.function = FunctionToApply::kNone; },
      [](Work& work) { work.text_params.max_length = 2; },
      [](Work& work) { work.text_params.truncate = 0; },
      [](Work& work) { work.text_params.normalize = 1; },
  };
  const AnswerKeys keys;
  std::set<AnswerKey> found;
  for (const auto& change : changes) {
    Work work = work_for("onecopy:i:qa0:1:1");
    change(work);
    found.insert(keys.of(work, work.texts[0]));
  }
  EXPECT_EQ(found.size(), changes.size());
}

}  // namespace
}  // namespace onecopy::gateway
