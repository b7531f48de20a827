#include "host/control/model_root.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/host/publish/test_folder.h"

namespace onecopy::host {
namespace {

class ModelRoot : public testing::Test {
 protected:
  ModelRoot() {
    base_ = std::filesystem::canonical(folder_.write("outside.txt", "x").parent_path());
    root_ = base_ / "root";
    std::filesystem::create_directories(root_ / "qa" / "1");
    std::filesystem::create_directories(base_ / "rootless");
    std::filesystem::create_symlink(base_, root_ / "out");
    std::filesystem::create_symlink(root_ / "qa", root_ / "in");
  }
  Refused refusal(const std::string& url) {
    const auto folder = folder_under_root(root_, url);
    return folder ? Refused::kFailed : folder.error().status;
  }
  TestFolder folder_;
  std::filesystem::path base_;
  std::filesystem::path root_;
};

TEST_F(ModelRoot, RelativeAbsoluteAndThroughLinksThatStayInside) {
  EXPECT_EQ(*folder_under_root(root_, "qa"), root_ / "qa");
  EXPECT_EQ(*folder_under_root(root_, (root_ / "qa" / "1").string()), root_ / "qa" / "1");
  EXPECT_EQ(*folder_under_root(root_, "in/1"), root_ / "qa" / "1");
}

TEST_F(ModelRoot, NothingOutside) {
  EXPECT_EQ(refusal(".."), Refused::kForbidden);
  EXPECT_EQ(refusal("qa/../../rootless"), Refused::kForbidden);
  EXPECT_EQ(refusal("out/rootless"), Refused::kForbidden);
  EXPECT_EQ(refusal((base_ / "rootless").string()), Refused::kForbidden);  // not by its letters
  EXPECT_EQ(refusal("/etc"), Refused::kForbidden);
}

TEST_F(ModelRoot, NoFolderAndNoRoot) {
  EXPECT_EQ(refusal("missing"), Refused::kNotFound);
  EXPECT_EQ(refusal(""), Refused::kBadRequest);
  EXPECT_EQ(refusal(std::string("qa\0x", 4)), Refused::kBadRequest);
  EXPECT_EQ(folder_under_root({}, "qa").error().status, Refused::kForbidden);
}

}  // namespace
}  // namespace onecopy::host
