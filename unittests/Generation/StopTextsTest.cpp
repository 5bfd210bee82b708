//===- StopTextsTest.cpp - Ending before a given text ---------------------===//

#include "winnow/Generation/StopTexts.h"

#include <gtest/gtest.h>

using namespace winnow;

TEST(StopTexts, WithoutAnyEverythingPasses) {
  StopTexts stops({});
  EXPECT_EQ(stops.add("abc"), "abc");
  EXPECT_EQ(stops.finish(), "");
}

TEST(StopTexts, HoldsBackWhatMayBeOne) {
  StopTexts stops({"\n\n", "END"});
  EXPECT_EQ(stops.add("a\n"), "a");
  EXPECT_EQ(stops.add("b E"), "\nb ");
  EXPECT_EQ(stops.add("N"), "");
  EXPECT_EQ(stops.add("TER"), "ENTER");
  EXPECT_EQ(stops.add("E"), "");
  EXPECT_FALSE(stops.stopped());
  EXPECT_EQ(stops.finish(), "E");
}

TEST(StopTexts, EndsBeforeTheFirstOne) {
  StopTexts stops({"world", "lo"});
  EXPECT_EQ(stops.add("hel"), "he");
  EXPECT_EQ(stops.add("lo world"), "l");
  EXPECT_TRUE(stops.stopped());
  EXPECT_EQ(stops.add("more"), "");
  EXPECT_EQ(stops.finish(), "");
}

/// However the text is cut, the same is shown, and it never holds a stop text.
TEST(StopTexts, CutsDoNotMatter) {
  std::string text = "aababaabaabbab aabab";
  for (const char *stop : {"aabb", "abab", "bab ", "zz", "aabaabaab"}) {
    std::string expected = text.substr(0, text.find(stop));
    for (size_t step = 1; step <= text.size(); ++step) {
      StopTexts stops({stop});
      std::string shown;
      for (size_t at = 0; at < text.size(); at += step)
        shown += stops.add(text.substr(at, step));
      shown += stops.finish();
      EXPECT_EQ(shown, expected) << stop << " " << step;
    }
  }
}
