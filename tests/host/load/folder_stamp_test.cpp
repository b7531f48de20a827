#include "host/load/folder_stamp.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "tests/host/publish/test_folder.h"

namespace onecopy::host {
namespace {

TEST(FolderStamp, DiffersWhenAFileDoes) {
  TestFolder folder;
  const auto file = folder.write("config.json", "{}");
  const auto path = file.parent_path();
  const std::string first = folder_stamp(path, std::nullopt);
  EXPECT_EQ(folder_stamp(path, std::nullopt), first);
  folder.write("config.json", "{ }");
  const std::string second = folder_stamp(path, std::nullopt);
  EXPECT_NE(second, first);
  folder.write("another.json", "{}");
  EXPECT_NE(folder_stamp(path, std::nullopt), second);
}

TEST(FolderStamp, OfAFolderThatIsNotThere) {
  EXPECT_EQ(folder_stamp("/nowhere/at/all", std::nullopt), folder_stamp("/nowhere", std::nullopt));
}

}  // namespace
}  // namespace onecopy::host
