//===- CompilerTest.cpp - The C API of the compiler -----------------------===//

#include "winnow/Compiler.h"

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <string>
#include <utility>
#include <vector>

namespace {

const char kProgram[] = R"(
func.func @forward(%x: tensor<?x4xf32> {winnow.name = "x", winnow.dims = ["T"]})
    -> (tensor<?x4xf32> {winnow.name = "y", winnow.dims = ["T"]})
    attributes {winnow.entry} {
  %y = winnow.norm rms %x {epsilon = 0.0 : f32} : tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}
)";

class Compiler : public ::testing::Test {
protected:
  void SetUp() override {
    char name[] = "/tmp/winnow-capi-XXXXXX";
    ASSERT_NE(mkdtemp(name), nullptr);
    folder = name;
    std::ofstream(folder / "program.mlir") << kProgram;
  }
  void TearDown() override {
    winnow_compiler_release(model);
    std::filesystem::remove_all(folder);
  }

  winnow_compiler_status load(const winnow_compiler_load_options *options) {
    return winnow_compiler_load((folder / "program.mlir").c_str(), options,
                                &model, &error);
  }

  size_t filesInFolder() const {
    return std::distance(std::filesystem::directory_iterator(folder), {});
  }

  std::filesystem::path folder;
  winnow_compiler_model *model = nullptr;
  winnow_compiler_error error = {};
};

void append(void *context, const char *data, size_t size) {
  static_cast<std::string *>(context)->append(data, size);
}

} // namespace

TEST_F(Compiler, LoadsPrintsAndChanges) {
  EXPECT_EQ(winnow_compiler_api_version(), WINNOW_COMPILER_API_VERSION);
  EXPECT_STRNE(winnow_compiler_version(), "");
  ASSERT_EQ(load(nullptr), WINNOW_COMPILER_OK) << error.message;
  EXPECT_STREQ(error.message, "");
  std::string text, vocabulary;
  ASSERT_EQ(winnow_compiler_print(model, append, &text, &error),
            WINNOW_COMPILER_OK);
  EXPECT_NE(text.find("winnow.norm"), std::string::npos);
  ASSERT_EQ(winnow_compiler_tokenizer(model, append, &vocabulary, &error),
            WINNOW_COMPILER_OK);
  EXPECT_EQ(vocabulary, "");
  winnow_compiler_model_info info = {};
  info.struct_size = sizeof info;
  ASSERT_EQ(winnow_compiler_info(model, &info, &error), WINNOW_COMPILER_OK);
  EXPECT_STREQ(info.architecture, "");
  EXPECT_EQ(info.layers, 0);

  ASSERT_EQ(winnow_compiler_run_pipeline(model, "winnow-lower-to-cpu", &error),
            WINNOW_COMPILER_OK)
      << error.message;
  text.clear();
  ASSERT_EQ(winnow_compiler_print(model, append, &text, &error),
            WINNOW_COMPILER_OK);
  EXPECT_EQ(text.find("winnow.norm"), std::string::npos);
}

TEST_F(Compiler, RefusesNullPointers) {
  std::string text;
  winnow_compiler_model_info info = {};
  info.struct_size = sizeof info;
  EXPECT_EQ(winnow_compiler_load(nullptr, nullptr, &model, &error),
            WINNOW_COMPILER_INVALID_ARGUMENT);
  EXPECT_EQ(winnow_compiler_load("x.mlir", nullptr, nullptr, &error),
            WINNOW_COMPILER_INVALID_ARGUMENT);
  EXPECT_EQ(winnow_compiler_info(nullptr, &info, &error),
            WINNOW_COMPILER_INVALID_ARGUMENT);
  EXPECT_EQ(winnow_compiler_print(nullptr, append, &text, &error),
            WINNOW_COMPILER_INVALID_ARGUMENT);
  EXPECT_EQ(winnow_compiler_tokenizer(nullptr, append, &text, &error),
            WINNOW_COMPILER_INVALID_ARGUMENT);
  EXPECT_EQ(winnow_compiler_run_pipeline(nullptr, "cse", &error),
            WINNOW_COMPILER_INVALID_ARGUMENT);
  EXPECT_EQ(winnow_compiler_compile(nullptr, "x", nullptr, &error),
            WINNOW_COMPILER_INVALID_ARGUMENT);
  winnow_compiler_release(nullptr);

  ASSERT_EQ(load(nullptr), WINNOW_COMPILER_OK);
  EXPECT_EQ(winnow_compiler_info(model, nullptr, &error),
            WINNOW_COMPILER_INVALID_ARGUMENT);
  EXPECT_EQ(winnow_compiler_print(model, nullptr, nullptr, &error),
            WINNOW_COMPILER_INVALID_ARGUMENT);
  EXPECT_EQ(winnow_compiler_run_pipeline(model, nullptr, &error),
            WINNOW_COMPILER_INVALID_ARGUMENT);
  // Nobody has to listen.
  EXPECT_EQ(winnow_compiler_compile(model, nullptr, nullptr, nullptr),
            WINNOW_COMPILER_INVALID_ARGUMENT);
  EXPECT_EQ(winnow_compiler_run_pipeline(model, "no-such-pass", nullptr),
            WINNOW_COMPILER_INVALID_ARGUMENT);
}

TEST_F(Compiler, StructsTellTheirSize) {
  winnow_compiler_load_options options = {};
  EXPECT_EQ(load(&options), WINNOW_COMPILER_INVALID_ARGUMENT);
  EXPECT_EQ(model, nullptr);
  // A caller that knows the first fields only: the rest is not read.
  options.struct_size = offsetof(winnow_compiler_load_options, diagnostic);
  options.diagnostic = reinterpret_cast<winnow_compiler_diagnostic>(1);
  ASSERT_EQ(load(&options), WINNOW_COMPILER_OK) << error.message;
  EXPECT_EQ(winnow_compiler_run_pipeline(model, "winnow-lower-to-cpu", &error),
            WINNOW_COMPILER_OK);
  EXPECT_EQ(winnow_compiler_run_pipeline(model, "winnow-lower-to-cpu", &error),
            WINNOW_COMPILER_FAILED);

  winnow_compiler_model_info info;
  std::memset(&info, 0x5a, sizeof info);
  info.struct_size = offsetof(winnow_compiler_model_info, layers);
  ASSERT_EQ(winnow_compiler_info(model, &info, &error), WINNOW_COMPILER_OK);
  EXPECT_STREQ(info.architecture, "");
  EXPECT_EQ(info.layers, 0x5a5a5a5a5a5a5a5a);
  info.struct_size = 0;
  EXPECT_EQ(winnow_compiler_info(model, &info, &error),
            WINNOW_COMPILER_INVALID_ARGUMENT);
  winnow_compiler_options compile = {};
  EXPECT_EQ(winnow_compiler_compile(model, "x", &compile, &error),
            WINNOW_COMPILER_INVALID_ARGUMENT);
}

TEST_F(Compiler, MessagesAreOneLineAndFit) {
  std::string missing = folder.string() + "/" + std::string(200, '\n') +
                        std::string(2000, 'x') + ".gguf";
  EXPECT_EQ(winnow_compiler_load(missing.c_str(), nullptr, &model, &error),
            WINNOW_COMPILER_IO_ERROR);
  EXPECT_EQ(std::strlen(error.message), sizeof error.message - 1);
  EXPECT_EQ(std::strchr(error.message, '\n'), nullptr);
}

TEST_F(Compiler, DiagnosticsComeWithTheirPlace) {
  std::vector<std::pair<winnow_compiler_severity, std::string>> heard;
  winnow_compiler_load_options options = {};
  options.struct_size = sizeof options;
  options.diagnostic = [](void *context, winnow_compiler_severity severity,
                          const char *text) {
    static_cast<decltype(heard) *>(context)->emplace_back(severity, text);
  };
  options.diagnostic_context = &heard;
  std::ofstream(folder / "program.mlir") << "\nthis is no program\n";
  EXPECT_EQ(load(&options), WINNOW_COMPILER_BAD_MODEL);
  ASSERT_FALSE(heard.empty());
  EXPECT_EQ(heard[0].first, WINNOW_COMPILER_ERROR);
  EXPECT_EQ(heard[0].second, error.message);
  EXPECT_NE(heard[0].second.find("program.mlir:2:1: "), std::string::npos);
}

TEST_F(Compiler, ProgressCanStop) {
  ASSERT_EQ(load(nullptr), WINNOW_COMPILER_OK) << error.message;
  winnow_compiler_options options = {};
  options.struct_size = sizeof options;
  options.progress = [](void *, const char *step, double) {
    return static_cast<int>(std::strcmp(step, "generating code") == 0);
  };
  std::string output = (folder / "output").string();
  EXPECT_EQ(winnow_compiler_compile(model, output.c_str(), &options, &error),
            WINNOW_COMPILER_CANCELLED);
  EXPECT_EQ(filesInFolder(), 1u);
  options.progress = nullptr;
  EXPECT_EQ(winnow_compiler_compile(model, output.c_str(), &options, &error),
            WINNOW_COMPILER_OK)
      << error.message;
  EXPECT_GT(filesInFolder(), 3u);
}
