//===- OptionsTest.cpp - The command line of winnow-run -------------------===//

#include "Options.h"

#include <gtest/gtest.h>

using namespace winnow::run;

static Options parsed(const std::vector<std::string> &arguments) {
  std::string error;
  std::optional<Options> options = parseOptions(arguments, error);
  EXPECT_TRUE(options) << error;
  return options ? *options : Options();
}

static std::string errorOf(const std::vector<std::string> &arguments) {
  std::string error;
  EXPECT_FALSE(parseOptions(arguments, error));
  EXPECT_EQ(error.find('\n'), std::string::npos);
  return error;
}

TEST(Options, Defaults) {
  Options o = parsed({"model", "--prompt", "Once upon"});
  EXPECT_EQ(o.name, "model");
  EXPECT_EQ(o.prompt, "Once upon");
  EXPECT_FALSE(o.promptFile);
  EXPECT_FALSE(o.ids);
  EXPECT_FALSE(o.tokens);
  EXPECT_EQ(o.sampling.temperature, 0);
  EXPECT_EQ(o.sampling.topK, 0);
  EXPECT_EQ(o.sampling.topP, 1);
  EXPECT_EQ(o.sampling.minP, 0);
  EXPECT_FALSE(o.ignoreEos);
  EXPECT_EQ(o.threads, 0);
  EXPECT_EQ(o.benchPrefill, 512);
  EXPECT_EQ(o.benchDecode, 64);
}

TEST(Options, EverythingIsRead) {
  Options o = parsed({"--ids",
                      "1,-2,30",
                      "dir/model",
                      "-n",
                      "7",
                      "--temperature=0.5",
                      "--top-k",
                      "40",
                      "--top-p",
                      "0.9",
                      "--min-p=0.05",
                      "--seed",
                      "9",
                      "--stop",
                      "a=b",
                      "--stop=x=y",
                      "--threads",
                      "2",
                      "--context",
                      "64",
                      "--piece",
                      "3",
                      "--logits",
                      "o.npy",
                      "--ignore-eos",
                      "--verify"});
  EXPECT_EQ(o.name, "dir/model");
  EXPECT_EQ(o.ids, (std::vector<int32_t>{1, -2, 30}));
  EXPECT_EQ(o.tokens, 7);
  EXPECT_EQ(o.sampling.temperature, 0.5);
  EXPECT_EQ(o.sampling.topK, 40);
  EXPECT_EQ(o.sampling.topP, 0.9);
  EXPECT_EQ(o.sampling.minP, 0.05);
  EXPECT_EQ(o.sampling.seed, 9u);
  EXPECT_EQ(o.stops, (std::vector<std::string>{"a=b", "x=y"}));
  EXPECT_EQ(o.threads, 2);
  EXPECT_EQ(o.context, 64);
  EXPECT_EQ(o.piece, 3);
  EXPECT_EQ(o.logitsPath, "o.npy");
  EXPECT_TRUE(o.ignoreEos);
  EXPECT_TRUE(o.verify);
  Options bench =
      parsed({"m", "--bench", "--prefill", "5", "--decode=6", "--json"});
  EXPECT_TRUE(bench.bench && bench.json);
  EXPECT_EQ(bench.benchPrefill, 5);
  EXPECT_EQ(bench.benchDecode, 6);
  EXPECT_TRUE(parsed({"--version"}).version);
  EXPECT_TRUE(parsed({"--help", "m"}).help);
  EXPECT_TRUE(parsed({"m", "--inspect", "--json"}).inspect);
  Options evaluate = parsed({"m", "--evaluate", "t", "--against=o", "--json"});
  EXPECT_EQ(evaluate.evaluate, "t");
  EXPECT_EQ(evaluate.against, "o");
}

/// A value may begin with a dash, and a prompt may be empty.
TEST(Options, ValuesAreTakenAsTheyAre) {
  EXPECT_EQ(parsed({"m", "--prompt", "--help"}).prompt, "--help");
  EXPECT_EQ(parsed({"m", "--prompt="}).prompt, "");
  EXPECT_EQ(parsed({"m", "--ids", "-1"}).ids, (std::vector<int32_t>{-1}));
}

TEST(Options, WrongValues) {
  const char *ids[] = {"", "x", "1,", ",1", "1,,2", "1 2", "2147483648", "1.5"};
  for (const char *value : ids)
    EXPECT_EQ(errorOf({"m", "--ids", value}),
              std::string("--ids is '") + value +
                  "', expected integers separated by commas");
  for (const char *value : {"-1", "x", "", "1e3", "9223372036854775808", " 1"})
    EXPECT_NE(errorOf({"m", "--prompt", "p", "-n", value}), "") << value;
  for (const char *value : {"-0.1", "nan", "inf", "x", "", " 1", "1x"})
    EXPECT_NE(errorOf({"m", "--prompt", "p", "--temperature", value}), "")
        << value;
  for (const char *value : {"-0.1", "1.1", "nan"}) {
    EXPECT_NE(errorOf({"m", "--prompt", "p", "--top-p", value}), "");
    EXPECT_NE(errorOf({"m", "--prompt", "p", "--min-p", value}), "");
  }
  EXPECT_NE(errorOf({"m", "--prompt", "p", "--stop="}), "");
  EXPECT_NE(errorOf({"m", "--prompt", "p", "--threads", "1025"}), "");
  EXPECT_NE(errorOf({"m", "--prompt", "p", "--context", "0"}), "");
  EXPECT_EQ(errorOf({"m", "--prompt"}), "--prompt needs a value: text");
  EXPECT_EQ(errorOf({"m", "--bench=1"}), "--bench takes no value");
}

TEST(Options, LinesThatMakeNoSense) {
  EXPECT_EQ(errorOf({}), "no artifact given; try --help");
  EXPECT_EQ(errorOf({"m", "--colour"}),
            "unknown option '--colour'; try --help");
  EXPECT_EQ(errorOf({"m", "-x"}), "unknown option '-x'; try --help");
  EXPECT_EQ(errorOf({"m", "--promt", "p"}),
            "unknown option '--promt'; did you mean '--prompt'?");
  EXPECT_EQ(errorOf({"m", "--thraeds=2"}),
            "unknown option '--thraeds'; did you mean '--threads'?");
  EXPECT_EQ(errorOf({"m", "n", "--bench"}), "unexpected argument 'n'");
  EXPECT_NE(errorOf({"m"}), "");
  EXPECT_NE(errorOf({"m", "--prompt", "a", "--ids", "1"}), "");
  EXPECT_NE(errorOf({"m", "--bench", "--prompt", "a"}), "");
  EXPECT_NE(errorOf({"m", "--bench", "--inspect"}), "");
  EXPECT_EQ(errorOf({"m", "--bench", "--evaluate", "t"}),
            "--bench, --evaluate, --inspect and --chat exclude each other");
  EXPECT_EQ(errorOf({"m", "--evaluate", "t", "--logits", "x"}),
            "--evaluate writes no arrays");
  EXPECT_EQ(errorOf({"m", "--prompt", "a", "--against", "o"}),
            "--against goes with --evaluate");
  EXPECT_NE(errorOf({"m", "--inspect", "--logits", "x"}), "");
  EXPECT_NE(errorOf({"m", "--prompt", "a", "--json"}), "");
}

TEST(Options, HelpNamesEveryOptionForUsers) {
  std::string help = helpText();
  for (const char *name :
       {"--prompt ",     "--prompt-file", "--ids",        "-n",
        "--temperature", "--top-k",       "--top-p",      "--min-p",
        "--seed",        "--stop",        "--ignore-eos", "--threads",
        "--context",     "--logits",      "--bench",      "--prefill",
        "--decode",      "--json",        "--inspect",    "--verify",
        "--evaluate",    "--against",     "--version",    "--help"})
    EXPECT_NE(help.find(name), std::string::npos) << name;
  EXPECT_EQ(help.find("--piece"), std::string::npos);
}

TEST(Options, SessionsAndIdFiles) {
  Options o = parsed(
      {"model", "--ids-file=-", "--save-session", "b", "--load-session=a"});
  EXPECT_EQ(o.idsFile, "-");
  EXPECT_EQ(o.loadSession, "a");
  EXPECT_EQ(o.saveSession, "b");
  EXPECT_TRUE(o.printsIds());
  EXPECT_FALSE(parsed({"model", "--load-session=a"}).hasPrompt());
  EXPECT_EQ(errorOf({"model", "--ids=1", "--ids-file=x"}),
            "only one of --prompt, --prompt-file, --ids, --ids-file, "
            "--embeddings and --image can be given");
  EXPECT_EQ(errorOf({"model", "--bench", "--load-session=a"}),
            "--bench loads and saves no session");
  EXPECT_EQ(errorOf({"model", "--verify", "--save-session=a"}),
            "--save-session needs a prompt");
  EXPECT_EQ(errorOf({"model", "--load-session=a", "--logits=b"}),
            "--logits needs a prompt");
}
