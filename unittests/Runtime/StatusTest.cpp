//===- StatusTest.cpp - Codes in the header, in docs and in status_name ---===//

#include "winnow/Artifact.h"
#include "winnow/Runtime/Call.h"

#include <fstream>
#include <gtest/gtest.h>
#include <map>
#include <regex>
#include <string>

namespace {

/// Name by code: what `pattern` finds in the lines of a file, as name and code
/// in the groups given.
std::map<int, std::string> find(const char *path, const char *pattern,
                                int nameGroup, int codeGroup) {
  std::ifstream stream(path);
  EXPECT_TRUE(stream.good()) << path;
  std::map<int, std::string> found;
  std::regex expression(pattern);
  std::smatch match;
  for (std::string line; std::getline(stream, line);)
    if (std::regex_search(line, match, expression)) {
      EXPECT_TRUE(
          found.emplace(std::stoi(match[codeGroup]), match[nameGroup]).second)
          << line;
    }
  return found;
}

} // namespace

TEST(Status, HeaderDocsAndFunctionAgree) {
  // The first enum of the header.
  std::map<int, std::string> header;
  bool inside = false;
  std::ifstream stream(WINNOW_ARTIFACT_HEADER);
  std::regex enumerator(R"(^  (WINNOW_\w+) = (\d+))");
  std::smatch match;
  for (std::string line; std::getline(stream, line);) {
    inside |= line.find("enum winnow_status") != std::string::npos;
    if (!inside)
      continue;
    if (std::regex_search(line, match, enumerator))
      header[std::stoi(match[2])] = match[1];
    else if (line[0] == '}')
      break;
  }
  ASSERT_GE(header.size(), 12u);
  EXPECT_EQ(
      find(WINNOW_ERRORS_GUIDE, R"(^\| (\d+) \| `(WINNOW_\w+)` \|)", 2, 1),
      header);
  const winnow_api *api = winnow_runtime_api();
  for (const auto &[code, name] : header)
    EXPECT_EQ(api->status_name(static_cast<winnow_status>(code)), name);
  int next = header.rbegin()->first + 1;
  EXPECT_EQ(static_cast<size_t>(next), header.size()) << "codes have gaps";
  for (int code : {-1, next, 1000})
    EXPECT_STREQ(api->status_name(static_cast<winnow_status>(code)),
                 "unknown status");
}
