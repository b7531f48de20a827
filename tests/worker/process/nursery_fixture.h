// A nursery with a host and a gateway, and models for it.
#pragma once

#include <gmock/gmock.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/host/publish/loaded_model.h"
#include "tests/worker/process/nursery_process.h"

namespace onecopy::worker {

class NurseryTest : public host::LoaderTest {
 protected:
  // With the options of the test; the host is connected.
  void start(const std::vector<std::string>& options = {}) {
    nursery_ = std::make_unique<NurseryProcess>(instance_, options);
    host_ = std::make_unique<TestHost>(instance_);
  }
  std::string publish(const std::string& name = "tiny-bert-qa") {
    const auto model = load(host::golden_model(name));
    EXPECT_TRUE(model) << model.error().text;
    return model->segment->name();
  }
  static WorkRequest question(const std::string& segment) {
    WorkRequest request;
    request.segment = segment;
    request.task = Task::kQuestionAnswering;
    request.text = "Who built the bridge?";
    request.pair = "It was built by Quatz.";
    return request;
  }

  std::unique_ptr<NurseryProcess> nursery_;
  std::unique_ptr<TestHost> host_;
};

}  // namespace onecopy::worker
