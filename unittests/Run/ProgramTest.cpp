//===- ProgramTest.cpp - winnow-run on the hand-written artifact ----------===//
//
// The model (unittests/Runtime/FakeModel.c) always finds the last word of its
// vocabulary most likely, so greedy text is that word again and again.
//
//===----------------------------------------------------------------------===//

#include "Json.h"
#include "WeightsFile.h"
#include "winnow/Tokenizer/TokenizerData.h"

#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace {

struct Result {
  int code;
  std::string out, err;
};

std::string readAll(const std::string &path) {
  std::ifstream stream(path, std::ios::binary);
  return std::string((std::istreambuf_iterator<char>(stream)), {});
}

void writeAll(const std::string &path, const std::string &bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

class Program : public testing::Test {
protected:
  void SetUp() override {
    char path[] = "/tmp/winnow-run-XXXXXX";
    ASSERT_TRUE(mkdtemp(path));
    folder = path;
    name = folder + "/winnow_fake";
    writeAll(name + ".so", readAll(WINNOW_FAKE_ARTIFACT));
    writeAll(name + ".weights", WeightsFile().bytes());
  }
  void TearDown() override {
    for (const char *file :
         {"winnow_fake.so", "winnow_fake.weights", "winnow_fake.tokenizer",
          "other.so", "out", "err", "prompt", "logits.npy", "example.c",
          "example", "state", "rows.npy"})
      unlink((folder + "/" + file).c_str());
    EXPECT_EQ(rmdir(folder.c_str()), 0) << "a file was left in " << folder;
  }

  /// Eleven pieces; the last one is `last`.
  void writeTokenizer(const std::string &last, bool ends = false) {
    winnow::TokenizerData data;
    data.pieces = {"<unk>", "<s>", "</s>", "a", "b", "c",
                   "d",     "e",   "f",    "g", last};
    data.scores.assign(11, 0);
    data.types.assign(11, winnow::PieceType::Normal);
    data.types[0] = winnow::PieceType::Unknown;
    data.types[1] = data.types[2] = winnow::PieceType::Control;
    data.bos = 1;
    data.eos = 2;
    data.unknown = 0;
    data.addBos = true;
    if (ends)
      data.endOfGeneration = {10};
    writeAll(name + ".tokenizer", winnow::serialize(data));
  }

  /// Runs the program with arguments that are fit for a shell.
  Result run(const std::string &arguments) {
    std::string command = WINNOW_RUN_PROGRAM " " + arguments + " >" + folder +
                          "/out 2>" + folder + "/err";
    int status = std::system(command.c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1,
            readAll(folder + "/out"), readAll(folder + "/err")};
  }

  /// A run that has to fail: its one line without the program's name.
  std::string failure(const std::string &arguments) {
    Result result = run(arguments);
    EXPECT_EQ(result.code, 1) << arguments;
    EXPECT_EQ(result.out, "") << arguments;
    std::string start = "winnow-run: error: ";
    EXPECT_EQ(result.err.substr(0, start.size()), start);
    EXPECT_EQ(result.err.find('\n'), result.err.size() - 1) << result.err;
    return result.err.substr(start.size(),
                             result.err.size() - start.size() - 1);
  }

  std::string folder, name;
};

} // namespace

TEST_F(Program, GeneratesIds) {
  Result result = run(name + " --ids 1,2,3 -n 4");
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(result.out, "10,10,10,10\n");
  EXPECT_EQ(run(name + " --ids 1 -n 0").out, "");
  // The last generated token needs no place in the context of 80.
  EXPECT_EQ(run(name + " --ids 1 --threads 2").out.size(), 80 * 3u);
  Result sampled = run(name + " --ids 1 -n 30 --temperature 40 --seed 5");
  EXPECT_EQ(
      run(name + " --ids 1 -n 30 --temperature 40 --seed 5 --threads 1").out,
      sampled.out);
  EXPECT_NE(run(name + " --ids 1 -n 30 --temperature 40 --seed 6").out,
            sampled.out);
}

TEST_F(Program, GeneratesTextAlone) {
  writeTokenizer("xy");
  EXPECT_EQ(run(name + " --prompt abc -n 3").out, "xyxyxy");
  EXPECT_EQ(run(name + " --prompt abc -n 3 --stop yx").out, "x");
  EXPECT_EQ(run(name + " --prompt abc -n 3 --stop xyz").out, "xyxyxy");
  EXPECT_EQ(run(name + " --ids 1,3 -n 9 --stop yxyx").out, "10,10,10\n");
  writeAll(folder + "/prompt", "abc");
  EXPECT_EQ(run(name + " --prompt-file " + folder + "/prompt -n 1").out, "xy");
  EXPECT_EQ(run(name + " --prompt-file - -n 1 <" + folder + "/prompt").out,
            "xy");
  // BOS comes in front: an empty prompt is one token, not none.
  EXPECT_EQ(run(name + " --prompt '' -n 1").out, "xy");
}

TEST_F(Program, EndsAtTheEndOfSequence) {
  writeTokenizer("xy", true);
  EXPECT_EQ(run(name + " --prompt abc -n 3").out, "");
  EXPECT_EQ(run(name + " --prompt abc -n 3 --ignore-eos").out, "xyxyxy");
  EXPECT_EQ(run(name + " --ids 1 -n 3").out, "10\n");
  EXPECT_EQ(run(name + " --ids 1 -n 3 --ignore-eos").out, "10,10,10\n");
}

/// Logits do not depend on pieces and threads; the values are those of the
/// formula in FakeModel.c: for id 1 alone, 8*2 + 12 + 10*2 + 13 = 61, and 2
/// more for each word.
TEST_F(Program, WritesLogits) {
  std::string logits = folder + "/logits.npy";
  std::string first;
  for (const char *options : {"", " --piece 1", " --piece 2 --threads 3"}) {
    Result result =
        run(name + " --ids 1,2,3 --logits " + logits + std::string(options));
    EXPECT_EQ(result.code, 0) << result.err;
    EXPECT_EQ(result.out, "");
    std::string bytes = readAll(logits);
    ASSERT_EQ(bytes.size(), 128 + 3 * 11 * sizeof(float));
    EXPECT_NE(bytes.find("'shape': (3, 11)"), std::string::npos);
    float values[11];
    std::memcpy(values, bytes.data() + 128, sizeof values);
    for (int word = 0; word < 11; ++word)
      EXPECT_EQ(values[word], 61 + 2 * word);
    if (first.empty())
      first = bytes;
    EXPECT_EQ(bytes, first) << options;
  }
  EXPECT_EQ(run(name + " --ids 1,2,3 -n 2 --logits " + logits).out, "10,10\n");
}

TEST_F(Program, IdsFromAFile) {
  writeAll(folder + "/prompt", "1, 2\n3\n");
  Result result = run(name + " --ids-file " + folder + "/prompt -n 2");
  EXPECT_EQ(result.out, "10,10\n") << result.err;
  EXPECT_EQ(run(name + " --ids-file - -n 2 <" + folder + "/prompt").out,
            "10,10\n");
  writeAll(folder + "/prompt", "1\n2 b\n");
  EXPECT_EQ(failure(name + " --ids-file " + folder + "/prompt"),
            folder + "/prompt:2:3: expected a token id, found 'b'");
  EXPECT_EQ(failure(name + " --ids-file - <" + folder + "/prompt"),
            "<stdin>:2:3: expected a token id, found 'b'");
  writeAll(folder + "/prompt", "\n");
  EXPECT_EQ(failure(name + " --ids-file " + folder + "/prompt"),
            "the prompt has no tokens");
  EXPECT_NE(failure(name + " --ids-file " + folder + "/none").find("none"),
            std::string::npos);
}

/// Rows that stand for ids, see FakeModel.c.
TEST_F(Program, Embeddings) {
  auto npy = [&](const std::string &shape, size_t count,
                 const char *type = "<f4", const char *fortran = "False") {
    std::string header = std::string("{'descr': '") + type +
                         "', 'fortran_order': " + fortran +
                         ", 'shape': " + shape + ", }\n";
    std::string bytes = "\x93NUMPY";
    bytes += std::string("\x01\0", 2);
    bytes += static_cast<char>(header.size());
    bytes += '\0';
    bytes += header;
    for (size_t i = 0; i < count; ++i) {
      float value = i % 2 ? 0.5f : static_cast<float>(i) / 2 + 0.5f;
      bytes.append(reinterpret_cast<const char *>(&value), sizeof value);
    }
    writeAll(folder + "/rows.npy", bytes);
    return name + " --embeddings " + folder + "/rows.npy --logits " + folder +
           "/logits.npy";
  };
  run(name + " --ids 1,2,3 --logits " + folder + "/logits.npy");
  std::string expected = readAll(folder + "/logits.npy");
  unlink((folder + "/logits.npy").c_str());
  Result result = run(npy("(3, 2)", 6) + " -n 2");
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(result.out, "10,10\n");
  EXPECT_EQ(readAll(folder + "/logits.npy"), expected);
  unlink((folder + "/logits.npy").c_str());

  auto refusal = [&](const std::string &command, const std::string &words) {
    std::string message = failure(command);
    EXPECT_NE(message.find(words), std::string::npos) << message;
    EXPECT_NE(access((folder + "/logits.npy").c_str(), F_OK), 0);
  };
  refusal(npy("(2, 3)", 6), "embeddings have a width of 3, expected 2");
  refusal(npy("(0, 2)", 0), "no tokens");
  refusal(npy("(3, 2)", 5), "20 bytes for [3, 2]");
  refusal(npy("(3, 2)", 7), "28 bytes for [3, 2]");
  refusal(npy("(999999999999999999, 999999999999999999)", 6), "bytes for");
  refusal(npy("(-3, -2)", 6), "two dimensions");
  refusal(npy("(6,)", 6), "two dimensions");
  refusal(npy("(1, 3, 2)", 6), "two dimensions");
  refusal(npy("(3, 2)", 6, "<f8"), "its type is '<f8'");
  refusal(npy("(3, 2)", 6, "<f4", "True"), "C order");
  npy("(3, 2)", 6);
  std::string command = name + " --embeddings " + folder + "/rows.npy";
  std::string bytes = readAll(folder + "/rows.npy");
  for (size_t size : {0u, 5u, 9u, 40u}) {
    writeAll(folder + "/rows.npy", bytes.substr(0, size));
    refusal(command, "not an array of NumPy");
  }
  refusal(name + " --embeddings " + folder + "/none.npy", "none.npy");
}

/// One prompt in two runs gives the logits of one run.
TEST_F(Program, SessionsGoOn) {
  std::string state = folder + "/state", logits = folder + "/logits.npy";
  run(name + " --ids 1,2,3,10,10,4,5 --logits " + logits);
  std::string whole = readAll(logits);
  Result first = run(name + " --ids 1,2,3 -n 2 --save-session " + state);
  ASSERT_EQ(first.code, 0) << first.err;
  EXPECT_EQ(first.out, "10,10\n");
  Result second = run(name + " --load-session " + state +
                      " --ids 4,5 --threads 3 --logits " + logits);
  ASSERT_EQ(second.code, 0) << second.err;
  // Two rows of eleven words.
  EXPECT_EQ(readAll(logits).substr(128), whole.substr(whole.size() - 2 * 44));
  // Without a prompt it goes on from the logits; text needs no BOS again.
  writeTokenizer("xy");
  EXPECT_EQ(run(name + " --load-session " + state + " -n 3").out, "xyxyxy");
  Result third = run(name + " --load-session " + state +
                     " --prompt abc -n 1 --save-session " + state);
  EXPECT_EQ(third.err.substr(0, 33), "winnow-run: prompt of 3 tokens in");
  // 5 + 3 + 1 tokens are in the session.
  EXPECT_EQ(failure(name + " --load-session " + state + " --ids 1 -n 72"),
            "context overrun: 9 tokens of the session, a prompt of 1 tokens "
            "and 72 to generate do not fit in a context of 80");
  EXPECT_EQ(run(name + " --load-session " + state + " --ids 1 -n 71").code, 0);

  std::string bytes = readAll(state);
  writeAll(state, bytes.substr(0, bytes.size() - 1));
  EXPECT_NE(
      failure(name + " --load-session " + state + " --ids 1").find("truncated"),
      std::string::npos);
  writeAll(state, bytes);
  EXPECT_NE(failure(name + " --load-session " + state + " --context 5")
                .find("more than the context of 5"),
            std::string::npos);
  EXPECT_NE(failure(name + " --load-session " + folder + "/none").find("none"),
            std::string::npos);
}

TEST_F(Program, Benchmark) {
  Result result =
      run(name + " --bench --prefill 20 --decode 10 --threads 1 --json");
  ASSERT_EQ(result.code, 0) << result.err;
  std::string error;
  std::optional<winnow::run::Json> report =
      winnow::run::parseJson(result.out, error);
  ASSERT_TRUE(report) << error;
  for (const char *key :
       {"threads", "prefill_tokens_per_second", "decode_tokens_per_second",
        "bytes_per_token", "read_bytes_per_second", "share_of_read_bandwidth",
        "load_seconds"}) {
    const winnow::run::Json *value = report->find(key);
    ASSERT_TRUE(value) << key;
    EXPECT_GT(*value->number(), 0) << key;
  }
  // 1234 of the checkpoint, and 72 bytes for each of 20 + 5.5 tokens.
  EXPECT_EQ(*report->find("bytes_per_token")->number(), 1234 + 72 * 25.5);
}

TEST_F(Program, InspectVersionHelpVerify) {
  EXPECT_EQ(run(name + " --inspect").out, "name  fake\n");
  EXPECT_EQ(run(name + " --inspect --json").out, "{\"name\": \"fake\"}\n");
  EXPECT_EQ(run(name + " --verify").code, 0);
  EXPECT_EQ(run("--version").out.substr(0, 11), "winnow-run ");
  EXPECT_EQ(run("--help").out.substr(0, 18), "usage: winnow-run ");
}

TEST_F(Program, FailuresAreOneLine) {
  EXPECT_EQ(failure(name + " --ids 1,11"),
            "token id 11 at index 1 is not in [0, 11)");
  EXPECT_NE(failure(name + " --ids 1 -n 81").find("context overrun"),
            std::string::npos);
  EXPECT_NE(failure(name + " --ids 1,2,3 --context 2").find("context overrun"),
            std::string::npos);
  EXPECT_NE(failure(name + " --ids 1 --context 81").find("compiled for"),
            std::string::npos);
  EXPECT_NE(failure(name + " --prompt hi").find(".tokenizer"),
            std::string::npos);
  EXPECT_NE(failure(folder + "/missing --ids 1").find("missing.so"),
            std::string::npos);
  EXPECT_NE(failure(name + " --nonsense").find("--nonsense"),
            std::string::npos);
  EXPECT_NE(
      failure(name + " --ids 1 --logits /nonexistent/x.npy").find("x.npy"),
      std::string::npos);
  // A failure after the file was begun leaves nothing; see TearDown.
  failure(name + " --ids 1,99 --logits " + folder + "/logits.npy");
  EXPECT_NE(access((folder + "/logits.npy").c_str(), F_OK), 0);
}

TEST_F(Program, DamagedArtifacts) {
  std::string weights = readAll(name + ".weights");
  writeAll(name + ".weights", weights.substr(0, weights.size() / 2));
  EXPECT_NE(failure(name + " --ids 1").find("truncated"), std::string::npos);
  weights.back() ^= 1;
  writeAll(name + ".weights", weights);
  EXPECT_NE(failure(name + " --verify").find("damaged"), std::string::npos);
  unlink((name + ".weights").c_str());
  EXPECT_NE(failure(name + " --ids 1").find("winnow_fake.weights"),
            std::string::npos);
  writeAll(folder + "/other.so", readAll(name + ".so"));
  EXPECT_NE(failure(folder + "/other --ids 1").find("other_winnow_api"),
            std::string::npos);
  writeAll(name + ".so", "no library\n");
  failure(name + " --ids 1");
}

TEST_F(Program, UnwritableOutput) {
  int status = std::system((WINNOW_RUN_PROGRAM " " + name +
                            " --ids 1 -n 3 >/dev/full 2>" + folder + "/err")
                               .c_str());
  EXPECT_EQ(WEXITSTATUS(status), 1);
  EXPECT_EQ(readAll(folder + "/err").substr(0, 43),
            "winnow-run: error: cannot write the output:");
}

/// The program of docs/RunningModels.md, compiled and run as it stands there
/// but for the name of the model.
TEST_F(Program, TheExampleOfTheGuide) {
  std::string guide = readAll(WINNOW_GUIDE);
  size_t start = guide.find("```c\n");
  ASSERT_NE(start, std::string::npos);
  std::string source = guide.substr(start + 5);
  source.resize(source.find("```"));
  for (size_t at; (at = source.find("gemma")) != std::string::npos;)
    source.replace(at, 5, "winnow_fake");
  writeAll(folder + "/example.c", source);
  std::string command =
      "cd " + folder +
      " && " WINNOW_C_COMPILER " -std=c99 -Wall -Wextra -Werror -pedantic"
      " -Wno-missing-field-initializers"
      " -I " WINNOW_INCLUDE_DIRECTORY " example.c ./winnow_fake.so -o example"
      " && ./example >out 2>err";
  EXPECT_EQ(std::system(command.c_str()), 0) << readAll(folder + "/err");
  std::string expected;
  for (int i = 0; i < 8; ++i)
    expected += "10\n";
  EXPECT_EQ(readAll(folder + "/out"), expected);
}

/// Two models in one program: nothing but the one function is visible.
TEST_F(Program, OnlyOneSymbolIsVisible) {
  void *library = dlopen((name + ".so").c_str(), RTLD_NOW | RTLD_LOCAL);
  ASSERT_TRUE(library) << dlerror();
  EXPECT_TRUE(dlsym(library, "winnow_fake_winnow_api"));
  for (const char *hidden : {"winnow_artifact", "winnow_runtime_api"})
    EXPECT_FALSE(dlsym(library, hidden)) << hidden;
  dlclose(library);
}
