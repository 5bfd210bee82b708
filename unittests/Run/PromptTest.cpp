//===- PromptTest.cpp - Lists of token ids --------------------------------===//

#include "Prompt.h"

#include <gtest/gtest.h>

using namespace winnow::run;

static std::vector<int32_t> parsed(const std::string &text) {
  std::vector<int32_t> ids;
  std::string error;
  EXPECT_TRUE(parseIdList(text, "file", ids, error)) << error;
  return ids;
}

static std::string errorOf(const std::string &text) {
  std::vector<int32_t> ids;
  std::string error;
  EXPECT_FALSE(parseIdList(text, "file", ids, error)) << text;
  return error;
}

TEST(IdList, CommasAndSpaces) {
  std::vector<int32_t> ids = {1, -2, 2147483647};
  for (const char *text :
       {"1,-2,2147483647", " 1 -2\t2147483647 ", "1\n-2\r\n2147483647\n",
        "1 ,-2 , 2147483647", "1,\n-2,\n2147483647", "01 -02 2147483647"})
    EXPECT_EQ(parsed(text), ids) << text;
  EXPECT_TRUE(parsed("").empty());
  EXPECT_TRUE(parsed(" \n\t ").empty());
}

TEST(IdList, ErrorsHaveAPlace) {
  EXPECT_EQ(errorOf("1,x"), "file:1:3: expected a token id, found 'x'");
  EXPECT_EQ(errorOf("1\n 2 3.5"), "file:2:4: expected a token id, found '3.5'");
  EXPECT_EQ(errorOf("1,,2"),
            "file:1:3: expected a token id in front of the comma");
  EXPECT_EQ(errorOf(",1"),
            "file:1:1: expected a token id in front of the comma");
  EXPECT_EQ(errorOf("1\n,\n"), "file:2:1: expected a token id after the comma");
  EXPECT_EQ(errorOf("-"), "file:1:1: expected a token id, found '-'");
  EXPECT_EQ(errorOf("2147483648"),
            "file:1:1: expected a token id, found '2147483648'");
  EXPECT_EQ(errorOf("99999999999999999999999999"),
            "file:1:1: expected a token id, found '99999999999999999999...'");
  EXPECT_EQ(errorOf("1 \x01\xff"), "file:1:3: expected a token id, found '?"
                                   "?'");
  EXPECT_EQ(errorOf(std::string("1 \0", 3)),
            "file:1:3: expected a token id, found '?'");
}
