//===- StageInfoTest.cpp - Stages of a manifest ---------------------------===//

#include "Profile.h"

#include <gtest/gtest.h>

using namespace winnow::run;

static std::vector<EntryInfo> read(const std::string &costs) {
  std::string error;
  std::optional<Json> manifest = parseJson(
      R"({"entries": [{"name": "f", "dims": ["T"], "stages": [{"costs": [)" +
          costs + "]}]}]}",
      error);
  EXPECT_TRUE(manifest) << error;
  return readStages(*manifest, error).value();
}

TEST(StageInfo, ComputesWork) {
  std::vector<EntryInfo> entries = read(
      R"({"rows": 0, "keys": -1, "past": true, "operations": [1, 2, 3],
          "bytes": [10, 20, 30]})");
  StageWork work = entries[0].stages[0].work({5}, 7);
  EXPECT_EQ(work.operations, 1 + 2 * 5 + 3 * 5 * 7);
  EXPECT_EQ(work.bytes, 10 + 20 * 5 + 30 * 7);
}

/// Found by fuzz-manifest: the conversion to an integer was undefined.
TEST(StageInfo, NumbersBeyondIntegers) {
  for (const char *number : {"1e300", "-1e300", "1e999", "1e19"}) {
    std::string key = number;
    StageInfo::Cost cost = read("{\"rows\": " + key + ", \"keys\": " + key +
                                ", \"window\": " + key + "}")[0]
                               .stages[0]
                               .costs[0];
    EXPECT_EQ(cost.rows, 0) << number;
    EXPECT_EQ(cost.keys, 0) << number;
    EXPECT_EQ(cost.window, 0) << number;
  }
}
