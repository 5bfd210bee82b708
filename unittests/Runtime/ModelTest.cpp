//===- ModelTest.cpp - Opening artifacts, good and bad --------------------===//

#include "Model.h"
#include "Cpu.h"
#include "WeightsFile.h"

#include <gtest/gtest.h>
#include <string>

using namespace winnow::runtime;

namespace {

/// Opens a file for an artifact and keeps what came of it.
struct Opened {
  winnow_model *model = nullptr;
  winnow_error error = {};
  winnow_status status;

  Opened(const char *path,
         const winnow_artifact_info &artifact = winnow_artifact,
         uint32_t version = WINNOW_ABI_VERSION)
      : status(openModel(artifact, version, path, nullptr, &model, &error)) {
    EXPECT_EQ(status == WINNOW_OK, model != nullptr);
    EXPECT_EQ(status, error.status);
  }
  ~Opened() { closeModel(model); }
  bool says(const std::string &text) const {
    return std::string(error.message).find(text) != std::string::npos;
  }
};

} // namespace

TEST(Model, OpensAndDescribes) {
  WeightsFile file;
  const winnow_api *api = winnow_runtime_api();
  EXPECT_EQ(api->abi_version, WINNOW_ABI_VERSION);
  EXPECT_EQ(api->struct_size, sizeof(winnow_api));
  winnow_model *model = nullptr;
  winnow_error error;
  ASSERT_EQ(api->open(WINNOW_ABI_VERSION, file.write(), &model, &error),
            WINNOW_OK)
      << error.message;
  winnow_model_info info = {};
  info.struct_size = sizeof info;
  ASSERT_EQ(api->info(model, &info), WINNOW_OK);
  EXPECT_STREQ(info.name, "fake");
  EXPECT_STREQ(info.architecture, "fake-architecture");
  EXPECT_STREQ(info.manifest_json, "{\"name\": \"fake\"}");
  EXPECT_EQ(info.vocabulary, FAKE_VOCABULARY);
  EXPECT_EQ(info.context, FAKE_CONTEXT);
  EXPECT_EQ(info.layers, 2);
  EXPECT_EQ(info.weight_bytes, 4096 + FAKE_WEIGHT_BYTES);
  EXPECT_EQ(info.kv_bytes_per_token, 4 * (1 * (4 + 4) + 2 * (3 + 2)));
  EXPECT_EQ(info.checkpoint_bytes_per_token, 1234);
  EXPECT_EQ(info.embedding_width, FAKE_WIDTH);
  EXPECT_EQ(api->verify(model, &error), WINNOW_OK) << error.message;
  api->close(model);
  api->close(nullptr);
}

/// A caller of an older, shorter header gets its own fields and no more.
TEST(Model, ShortInfoIsFilledPartly) {
  WeightsFile file;
  Opened opened(file.write());
  ASSERT_TRUE(opened.model);
  winnow_model_info info = {};
  info.struct_size = offsetof(winnow_model_info, vocabulary);
  info.vocabulary = -5;
  ASSERT_EQ(describeModel(opened.model, &info), WINNOW_OK);
  EXPECT_STREQ(info.name, "fake");
  EXPECT_EQ(info.vocabulary, -5);
  info.struct_size = 0;
  EXPECT_EQ(describeModel(opened.model, &info), WINNOW_INVALID_ARGUMENT);
}

TEST(Model, NullArguments) {
  winnow_model *model = nullptr;
  winnow_error error;
  EXPECT_EQ(openModel(winnow_artifact, 1, nullptr, nullptr, &model, &error),
            WINNOW_INVALID_ARGUMENT);
  EXPECT_EQ(openModel(winnow_artifact, 1, "x", nullptr, nullptr, nullptr),
            WINNOW_INVALID_ARGUMENT);
  EXPECT_EQ(describeModel(nullptr, nullptr), WINNOW_INVALID_ARGUMENT);
  EXPECT_EQ(winnow_runtime_api()->verify(nullptr, &error),
            WINNOW_INVALID_ARGUMENT);
}

TEST(Model, OtherAbiVersions) {
  WeightsFile file;
  Opened caller(file.write(), winnow_artifact, 2);
  EXPECT_EQ(caller.status, WINNOW_ABI_MISMATCH);
  EXPECT_TRUE(caller.says("caller was built for ABI version 2"));
  winnow_artifact_info other = winnow_artifact;
  other.abi_version = 3;
  Opened artifact(file.write(), other);
  EXPECT_EQ(artifact.status, WINNOW_ABI_MISMATCH);
}

TEST(Model, FilesThatCannotBeRead) {
  Opened missing("/nonexistent/model.weights");
  EXPECT_EQ(missing.status, WINNOW_IO_ERROR);
  EXPECT_TRUE(missing.says("No such file"));
  Opened folder("/tmp");
  EXPECT_EQ(folder.status, WINNOW_IO_ERROR);
}

/// Every truncation of the file is an error, none reads past its end.
TEST(Model, TruncatedFiles) {
  WeightsFile file;
  std::string bytes = file.bytes();
  for (size_t size : {size_t(0), size_t(1), size_t(7), size_t(8), size_t(9),
                      size_t(50), size_t(76), size_t(100), size_t(4095),
                      size_t(4096), bytes.size() - 1}) {
    Opened opened(file.write(bytes.substr(0, size)));
    EXPECT_EQ(opened.status, WINNOW_BAD_FILE) << size;
    EXPECT_TRUE(opened.says("truncated")) << opened.error.message;
  }
  Opened longer(file.write(bytes + "x"));
  EXPECT_EQ(longer.status, WINNOW_BAD_FILE);
  EXPECT_TRUE(longer.says("too long")) << longer.error.message;
}

TEST(Model, ForeignFiles) {
  WeightsFile file;
  std::string bytes = file.bytes();
  std::string garbage = bytes;
  garbage[10] = '?';
  EXPECT_EQ(Opened(file.write(garbage)).status, WINNOW_BAD_FILE);
  std::string badDigit = bytes;
  badDigit[8 + sizeof(WINNOW_WEIGHTS_PREFIX) - 1] = 'G';
  EXPECT_EQ(Opened(file.write(badDigit)).status, WINNOW_BAD_FILE);
  std::string hugeHeader = bytes;
  for (int i = 0; i < 8; ++i)
    hugeHeader[i] = '\xff';
  EXPECT_EQ(Opened(file.write(hugeHeader)).status, WINNOW_BAD_FILE);
  file.dataStart = 4096 + 64;
  Opened unaligned(file.write());
  EXPECT_EQ(unaligned.status, WINNOW_BAD_FILE);
  EXPECT_TRUE(unaligned.says("multiple of 4096")) << unaligned.error.message;
}

TEST(Model, FilesOfAnotherBuild) {
  WeightsFile file;
  file.buildId[1] ^= 1;
  Opened opened(file.write());
  EXPECT_EQ(opened.status, WINNOW_MISMATCH);
  EXPECT_TRUE(opened.says("fedcba9876543211")) << opened.error.message;
  EXPECT_TRUE(opened.says("fedcba9876543210")) << opened.error.message;
}

TEST(Model, DamagedWeightsDoNotVerify) {
  WeightsFile file;
  std::string bytes = file.bytes();
  bytes.back() ^= 1;
  Opened opened(file.write(bytes));
  ASSERT_TRUE(opened.model);
  winnow_error error;
  EXPECT_EQ(opened.model->weights.verify(&error), WINNOW_BAD_FILE);
  EXPECT_NE(std::string(error.message).find("damaged"), std::string::npos);
  file.withHash = false;
  Opened without(file.write());
  ASSERT_TRUE(without.model);
  EXPECT_EQ(without.model->weights.verify(&error), WINNOW_BAD_FILE);
}

TEST(Model, ProcessorsThatLackInstructions) {
  WeightsFile file;
  winnow_artifact_info demanding = winnow_artifact;
  demanding.cpu_features = 1u << 31 | presentCpuFeatures();
  demanding.target_cpu = "imaginary";
  Opened opened(file.write(), demanding);
  EXPECT_EQ(opened.status, WINNOW_UNSUPPORTED_CPU);
  EXPECT_TRUE(opened.says("imaginary")) << opened.error.message;
  EXPECT_TRUE(opened.says("unknown to this runtime")) << opened.error.message;
  for (uint32_t feature = 1; feature <= WINNOW_CPU_BMI2; feature <<= 1) {
    if (presentCpuFeatures() & feature)
      continue;
    demanding.cpu_features = feature;
    EXPECT_EQ(Opened(file.write(), demanding).status, WINNOW_UNSUPPORTED_CPU);
  }
}

/// The compiler's own view of the processor that runs the tests.
TEST(Cpu, AgreesWithTheCompiler) {
  uint32_t present = presentCpuFeatures();
  __builtin_cpu_init();
  EXPECT_EQ(!!(present & WINNOW_CPU_AVX2_FMA_F16C),
            __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"));
  EXPECT_EQ(!!(present & WINNOW_CPU_AVX512_FBWVLDQ),
            __builtin_cpu_supports("avx512f") &&
                __builtin_cpu_supports("avx512bw") &&
                __builtin_cpu_supports("avx512vl") &&
                __builtin_cpu_supports("avx512dq"));
  EXPECT_EQ(!!(present & WINNOW_CPU_AVX512_VNNI),
            !!__builtin_cpu_supports("avx512vnni"));
  EXPECT_EQ(!!(present & WINNOW_CPU_AVX512_BF16),
            !!__builtin_cpu_supports("avx512bf16"));
  EXPECT_EQ(!!(present & WINNOW_CPU_AVX512_VBMI),
            !!__builtin_cpu_supports("avx512vbmi"));
  EXPECT_EQ(!!(present & WINNOW_CPU_BMI2), !!__builtin_cpu_supports("bmi2"));
}

TEST(Cpu, NamesAreListed) {
  char text[100];
  nameCpuFeatures(WINNOW_CPU_AMX_INT8 | WINNOW_CPU_BMI2, text, sizeof text);
  EXPECT_STREQ(text, "AMX-INT8, BMI2");
  char small[6];
  nameCpuFeatures(WINNOW_CPU_AMX_INT8 | WINNOW_CPU_BMI2, small, sizeof small);
  EXPECT_STREQ(small, "AMX-I");
}
