//===- HuggingFaceConfigTest.cpp - Values of config.json ------------------===//

#include "winnow/Import/HuggingFaceConfig.h"

#include "../Errors.h"
#include "TemporaryDirectory.h"

#include "gtest/gtest.h"

using namespace winnow;

namespace {

class HuggingFaceConfigs : public ::testing::Test {
protected:
  HuggingFaceConfig open(const std::string &text) {
    return llvm::cantFail(
        HuggingFaceConfig::open(directory.write("config.json", text)));
  }

  /// What reading says, without the directory's name; "" if nothing.
  template <typename Read>
  std::string failure(const std::string &text, Read read) {
    HuggingFaceConfig config = open(text);
    read(config);
    if (!config.failed())
      return "";
    std::string message = messageOf(config.takeError());
    std::string prefix = directory.getPath("config.json: ");
    EXPECT_EQ(message.substr(0, prefix.size()), prefix);
    return message.substr(prefix.size());
  }

  TemporaryDirectory directory;
};

} // namespace

TEST_F(HuggingFaceConfigs, ReadsValues) {
  HuggingFaceConfig config = open(R"({
    "model_type": "llama", "hidden_size": 64, "rms_norm_eps": 1e-6,
    "rope_theta": 10000, "tie_word_embeddings": true, "sliding_window": null,
    "rope_scaling": {"rope_type": "llama3", "short": [1, 2.5]},
    "layer_types": ["full_attention"], "counts": [1, 2]})");
  EXPECT_EQ(config.getModelType(), "llama");
  EXPECT_EQ(config.getCount("hidden_size", 1), 64);
  EXPECT_EQ(config.getCount("absent", 0, 7), 7);
  EXPECT_EQ(config.getPositive("rms_norm_eps"), 1e-6);
  EXPECT_EQ(config.getNumber("rope_theta"), 10000.0);
  EXPECT_TRUE(config.getFlag("tie_word_embeddings", false));
  EXPECT_FALSE(config.has("sliding_window"));
  EXPECT_FALSE(config.has("hidden_size.x"));
  EXPECT_EQ(config.getString("rope_scaling.rope_type", ""), "llama3");
  EXPECT_EQ(config.getNumbers("rope_scaling.short"),
            (std::vector<double>{1, 2.5}));
  EXPECT_EQ(config.getStrings("layer_types"),
            std::vector<std::string>{"full_attention"});
  EXPECT_EQ(config.getCounts("counts", 2), (std::vector<int64_t>{1, 2}));
  EXPECT_EQ(config.getCounts("hidden_size", 2), (std::vector<int64_t>{64, 64}));
  EXPECT_FALSE(config.failed());
}

TEST_F(HuggingFaceConfigs, Errors) {
  const char *text = R"({"n": -1, "big": 4294967296, "s": "x", "f": 1e300,
                         "o": {"a": [1, "x"]}, "zero": 0,
                         "edge": 9223372036854775807.0})";
  using Config = HuggingFaceConfig &;
  EXPECT_EQ(failure(text, [](Config c) { c.getCount("absent", 1); }),
            "the key 'absent' is missing");
  // Found by fuzz-config: 2^63 as a number with a fraction was converted.
  for (const char *key : {"n", "big", "s", "o", "edge"})
    EXPECT_EQ(failure(text, [&](Config c) { c.getCount(key, 0); }),
              std::string(key) + " expects an integer from 0 to 2147483647");
  EXPECT_EQ(failure(text, [](Config c) { c.getNumber("f"); }),
            "f expects a finite number");
  EXPECT_EQ(failure(text, [](Config c) { c.getPositive("zero"); }),
            "zero expects a number greater than zero");
  EXPECT_EQ(failure(text, [](Config c) { c.getNumbers("o.a"); }),
            "o.a expects an array of finite numbers");
  EXPECT_EQ(failure(text, [](Config c) { c.getStrings("o.a"); }),
            "o.a expects an array of strings");
  EXPECT_EQ(failure(text, [](Config c) { c.getFlag("n", true); }),
            "n expects true or false");
  EXPECT_EQ(failure(text, [](Config c) { c.getString("n", ""); }),
            "n expects a string");
  EXPECT_EQ(failure(text, [](Config c) { c.getCounts("o.a", 2); }),
            "o.a expects 2 positive integers, one per layer");
  // The first one counts.
  EXPECT_EQ(failure(text,
                    [](Config c) {
                      c.getString("n", "");
                      c.getFlag("n", true);
                    }),
            "n expects a string");
}

TEST_F(HuggingFaceConfigs, BadFiles) {
  auto failureOf = [&](const std::string &text) {
    std::string path = directory.write("config.json", text);
    std::string message = messageOf(HuggingFaceConfig::open(path));
    EXPECT_EQ(message.substr(0, path.size() + 2), path + ": ");
    return message.substr(path.size() + 2);
  };
  EXPECT_EQ(failureOf("3"), "expects a JSON object");
  EXPECT_EQ(failureOf("{\"a\": 1, \"a\": 2}"),
            "offset 12: the key 'a' appears twice");
  EXPECT_NE(failureOf("{\"a\": tru}").find("Invalid JSON"), std::string::npos);
  EXPECT_NE(failureOf("{\"a\xff\": 1}").find("UTF-8"), std::string::npos);
}
